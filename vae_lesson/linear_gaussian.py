"""The model whose evidence and posterior are known exactly: probabilistic PCA, a VAE with a linear decoder.

z ~ N(0, I) and x|z ~ N(W z + b, sigma^2 I). Every estimate of the lessons 01 to 04 and 10 stands beside its numbers.
"""

import numpy as np
from numpy.typing import ArrayLike

LOG_2PI = np.log(2 * np.pi)


class LinearGaussian:
    """Probabilistic PCA in float64, with D pixels and d latents; all log-probabilities and divergences are in nats.

    x has shape (batch, D) or (batch, *image_shape). z and mu have shape (..., d), and their leading axes broadcast
    against (batch,): (batch, d) is one z for each x, (samples, 1, d) the same samples for all, (samples, batch, d)
    samples of their own. A Gaussian q is mu with either cov, shape (..., d, d), or log_var, shape (..., d).
    With a scalar W everything is a plain number: x, z, mu, cov (a variance) and log_var of any shapes that broadcast.

    Args:
        W: loadings, shape (D, d), or a scalar for one pixel and one latent.
        b: mean of x, shape (D,), or a scalar.
        sigma: standard deviation of the noise, positive.

    Raises:
        ValueError: here and in every method, when a shape or a value is not as above.

    Source: Tipping & Bishop (1999), 'Probabilistic Principal Component Analysis', section 3.
    """

    def __init__(self, W: ArrayLike, b: ArrayLike, sigma: float):
        self.W, b, self.sigma = np.array(W, dtype=np.float64), np.array(b, dtype=np.float64), float(sigma)
        self.is_scalar = self.W.ndim == 0
        if self.is_scalar:
            self.W = self.W.reshape(1, 1)
        if self.W.ndim != 2 or 0 in self.W.shape or not np.isfinite(self.W).all():
            raise ValueError(f"W has shape {self.W.shape}; wanted (D, d) or a scalar, all finite")
        self.data_dim, self.latent_dim = self.W.shape
        if b.shape not in ((), (self.data_dim,)) or not np.isfinite(b).all():
            raise ValueError(f"b has shape {b.shape}; wanted ({self.data_dim},) or a scalar, all finite")
        if not 0 < self.sigma < np.inf:
            raise ValueError(f"sigma is {sigma}; wanted a positive number")
        self.b = np.broadcast_to(b, self.data_dim).copy()
        # z moves x only within the span of W: there x is Q y, and W z is Q R z. So d numbers stand for D pixels.
        self._Q, self._R = np.linalg.qr(self.W)
        self._M = self._R.T @ self._R + self.sigma**2 * np.eye(self.latent_dim)

    def __repr__(self):
        return f"LinearGaussian(data_dim={self.data_dim}, latent_dim={self.latent_dim}, sigma={self.sigma:.4g})"

    @classmethod
    def fit(cls, images: ArrayLike, latent_dim: int) -> "LinearGaussian":
        """The model of greatest likelihood, in closed form. Latents are ordered by the variance that they explain.

        Args:
            images: shape (n, ...), arrays or tensors.
            latent_dim: number of latents, at least 1 and fewer than the pixels.

        Raises:
            ValueError: images are not finite, or `latent_dim` directions explain them without noise.

        Source: Tipping & Bishop (1999), equations 7 (W, without a rotation) and 8 (sigma^2).
        """
        x = np.asarray(images, dtype=np.float64)
        if x.ndim < 2 or x.size == 0 or not np.isfinite(x).all():
            raise ValueError(f"images has shape {x.shape}; wanted (n, ...), not empty, all finite")
        x = x.reshape(len(x), -1)
        if not 1 <= latent_dim < x.shape[1]:
            raise ValueError(f"latent_dim is {latent_dim}; wanted 1 to {x.shape[1] - 1}, fewer than the pixels")
        centred = x - x.mean(0)
        variances, directions = np.linalg.eigh(centred.T @ centred / len(x))  # ascending
        noise = variances[:-latent_dim].mean()
        if noise <= 1e-12 * variances[-1]:
            raise ValueError(f"images leave no noise with latent_dim {latent_dim}; wanted fewer latents, more images")
        variances, directions = variances[: -latent_dim - 1 : -1], directions[:, : -latent_dim - 1 : -1]
        # An eigenvector's sign is arbitrary: its largest entry is made positive, so that every machine finds one model.
        directions = directions * np.sign(directions[np.abs(directions).argmax(0), np.arange(latent_dim)])
        return cls(directions * np.sqrt(np.maximum(variances - noise, 0)), x.mean(0), np.sqrt(noise))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw n latents from the prior, and an x for each: z of shape (n, d) and x of shape (n, D)."""
        z = rng.standard_normal((n, self.latent_dim))
        x = z @ self.W.T + self.b + self.sigma * rng.standard_normal((n, self.data_dim))
        return (z[:, 0], x[:, 0]) if self.is_scalar else (z, x)

    def log_prior(self, z: ArrayLike) -> np.ndarray:
        """log p(z), shape z.shape[:-1]."""
        return -0.5 * (self._latent("z", z) ** 2 + LOG_2PI).sum(-1)

    def log_likelihood(self, x: ArrayLike, z: ArrayLike) -> np.ndarray:
        """log p(x|z), of the shape to which z.shape[:-1] and (batch,) broadcast."""
        y, rest = self._project(x)
        off = self._latent("z", z, rest.shape) @ self._R.T - y
        return -0.5 * (self.data_dim * (LOG_2PI + 2 * np.log(self.sigma)) + (rest + (off**2).sum(-1)) / self.sigma**2)

    def log_evidence(self, x: ArrayLike) -> np.ndarray:
        """log p(x), exact, shape (batch,)."""
        mean, cov = self.posterior(x)
        # Bayes' rule holds at every z. At the posterior's mean no large terms cancel, and no D x D matrix is needed.
        return self.log_likelihood(x, mean) + self.log_prior(mean) - self.log_q(mean, mean, cov)

    def posterior(self, x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Mean (batch, d) and covariance (d, d), one for all x, of p(z|x). Source: Tipping & Bishop (1999), eq. 6."""
        y, _ = self._project(x)
        mean = np.linalg.solve(self._M, (y @ self._R)[..., None])[..., 0]
        cov = self.sigma**2 * np.linalg.inv(self._M)
        return (mean[..., 0], cov[0, 0]) if self.is_scalar else (mean, (cov + cov.T) / 2)

    def log_q(
        self, z: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None, log_var: ArrayLike | None = None
    ) -> np.ndarray:
        """log q(z) of the Gaussian q, of the shape to which z and mu broadcast, without the last axis."""
        mean, spread = self._gaussian(mu, cov, log_var)
        off = self._latent("z", z, mean.shape[:-1]) - mean
        return -0.5 * (_mahalanobis(off, spread) + self.latent_dim * LOG_2PI + np.linalg.slogdet(spread)[1])

    def rate(self, mu: ArrayLike, cov: ArrayLike | None = None, log_var: ArrayLike | None = None) -> np.ndarray:
        """KL(q(z), p(z)), shape mu.shape[:-1]."""
        mu, cov = self._gaussian(mu, cov, log_var)
        return _kl(mu, cov, np.zeros(self.latent_dim), np.eye(self.latent_dim))

    def distortion(
        self, x: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None, log_var: ArrayLike | None = None
    ) -> np.ndarray:
        """-E_q[log p(x|z)], exact, of the shape to which mu.shape[:-1] and (batch,) broadcast."""
        spread = self._R @ self._gaussian(mu, cov, log_var)[1] @ self._R.T  # of W z under q
        return -self.log_likelihood(x, mu) + 0.5 * np.trace(spread, axis1=-2, axis2=-1) / self.sigma**2

    def elbo(
        self, x: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None, log_var: ArrayLike | None = None
    ) -> np.ndarray:
        """E_q[log p(x, z) - log q(z)] = -(rate + distortion), exact, shape as `distortion`."""
        return -(self.rate(mu, cov, log_var) + self.distortion(x, mu, cov, log_var))

    def kl_to_posterior(
        self, x: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None, log_var: ArrayLike | None = None
    ) -> np.ndarray:
        """KL(q(z), p(z|x)), the gap log p(x) - ELBO, shape as `distortion`."""
        mean, posterior_cov = self._gaussian(*self.posterior(x))
        mu, cov = self._gaussian(mu, cov, log_var, mean.shape[:-1])
        return _kl(mu, cov, mean, posterior_cov)

    def kl_posterior_prior(self, x: ArrayLike) -> np.ndarray:
        """KL(p(z|x), p(z)), shape (batch,): naive Monte Carlo needs some e^KL samples (Chatterjee & Diaconis, 2018)."""
        return self.rate(*self.posterior(x))

    def _project(self, x):
        """Each x as its coordinates y (batch, d) in the span of W, and its squared distance (batch,) from there."""
        x = np.asarray(x, dtype=np.float64)
        if not self.is_scalar and (x.ndim == 0 or np.prod(x.shape[1:]) != self.data_dim):
            raise ValueError(f"x has shape {x.shape}; wanted (batch, ...) with {self.data_dim} pixels each")
        centred = (x[..., None] if self.is_scalar else x.reshape(len(x), self.data_dim)) - self.b
        y = centred @ self._Q
        return y, ((centred - y @ self._Q.T) ** 2).sum(-1)

    def _latent(self, name, value, batch=()):
        """value with latents along the last axis, checked, and the axes before it against those of `batch`."""
        value = np.asarray(value, dtype=np.float64)
        vectors = value[..., None] if self.is_scalar else value
        if vectors.shape[-1:] != (self.latent_dim,) or not _broadcasts(vectors.shape[:-1], batch):
            last = "" if self.is_scalar else f", {self.latent_dim}"
            raise ValueError(f"{name} has shape {value.shape}; wanted (...{last}) where ... broadcasts against {batch}")
        return vectors

    def _gaussian(self, mu, cov, log_var=None, batch=()):
        """The mean (..., d) and covariance (..., d, d) of a q, checked."""
        mu = self._latent("mu", mu, batch)
        if (cov is None) == (log_var is None):
            raise ValueError(f"cov and log_var are {'neither' if cov is None else 'both'} given; wanted one of them")
        if log_var is not None:
            return mu, np.exp(self._latent("log_var", log_var, mu.shape[:-1]))[..., None] * np.eye(self.latent_dim)
        cov = np.asarray(cov, dtype=np.float64)
        if self.is_scalar:
            cov = cov[..., None, None]
        if cov.shape[-2:] != (self.latent_dim,) * 2 or not _broadcasts(cov.shape[:-2], mu.shape[:-1]):
            raise ValueError(f"cov has shape {cov.shape}; wanted (..., {self.latent_dim}, {self.latent_dim})")
        if not np.allclose(cov, np.swapaxes(cov, -1, -2)) or (np.linalg.eigvalsh(cov) <= 0).any():
            raise ValueError("cov is not symmetric with positive eigenvalues; wanted a covariance")
        return mu, cov


def _broadcasts(*shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def _mahalanobis(off, cov):
    return np.einsum("...i,...ij,...j->...", off, np.linalg.inv(cov), off)


def _kl(mu_q, cov_q, mu_p, cov_p):
    """KL between two Gaussians with full covariances, over the last axes."""
    trace = np.trace(np.linalg.solve(cov_p, cov_q), axis1=-2, axis2=-1)
    log_det = np.linalg.slogdet(cov_p)[1] - np.linalg.slogdet(cov_q)[1]
    return 0.5 * (trace + _mahalanobis(mu_q - mu_p, cov_p) - mu_q.shape[-1] + log_det)
