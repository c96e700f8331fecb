"""A target with several modes, and the two KL divergences between it and a Gaussian, by quadrature. Taught in 05."""

from collections.abc import Sequence
from itertools import product

import numpy as np

LOG_2PI = np.log(2 * np.pi)
NODES = 2001  # the trapezoid rule converges geometrically on a bell: with this many only rounding is left
REACH = 10  # standard deviations, beyond which a bell weighs less than 1e-22


def log_normal(z: np.ndarray, mean: np.ndarray | float, log_var: np.ndarray | float) -> np.ndarray:
    """Log of the normal density at z, in nats, of the shape to which all three broadcast."""
    return -0.5 * (LOG_2PI + log_var + (z - mean) ** 2 / np.exp(log_var))


def trapezoid(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, each (NODES,), of the trapezoid rule from low to high."""
    z = np.linspace(low, high, NODES)
    weights = np.full(NODES, (high - low) / (NODES - 1))
    weights[[0, -1]] /= 2
    return z, weights


class Mixture:
    """A mixture of normals p over one latent; q = N(mu, exp(log_var)) stands beside it. Divergences in nats.

    Args:
        weights: shares of the components, shape (n,), positive, with sum 1.
        means, sigmas: their means and standard deviations, shape (n,) each.

    Raises:
        ValueError: the shapes differ, or a value is not as above.
    """

    def __init__(self, weights: Sequence[float], means: Sequence[float], sigmas: Sequence[float]):
        self.weights, self.means, self.sigmas = (np.array(v, dtype=np.float64) for v in (weights, means, sigmas))
        shapes = {self.weights.shape, self.means.shape, self.sigmas.shape}
        if len(shapes) != 1 or self.weights.ndim != 1 or not self.weights.size:
            raise ValueError(f"weights, means and sigmas have shapes {shapes}; wanted one shape (n,)")
        if not (self.weights > 0).all() or not np.isclose(self.weights.sum(), 1):
            raise ValueError(f"weights are {self.weights}; wanted positive numbers with sum 1")
        if not np.isfinite(self.means).all() or not ((self.sigmas > 0) & (self.sigmas < np.inf)).all():
            raise ValueError("means and sigmas must be finite, sigmas positive")

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """log p(z), shape of z."""
        return np.logaddexp.reduce(self._log_parts(z), axis=-1)

    def score(self, z: np.ndarray) -> np.ndarray:
        """The derivative of log p(z), shape of z."""
        pull = (self.means - np.asarray(z)[..., None]) / self.sigmas**2
        return (np.exp(self._log_parts(z) - self.log_density(z)[..., None]) * pull).sum(-1)

    def moments(self) -> tuple[float, float]:
        """Mean and log-variance of p: those of the q of least forward KL.

        Source: Bishop (2006), 'Pattern Recognition and Machine Learning', section 10.7 (moment matching).
        """
        mean = self.weights @ self.means
        return float(mean), float(np.log(self.weights @ (self.sigmas**2 + (self.means - mean) ** 2)))

    def forward_kl(self, mu: float, log_var: float) -> float:
        """KL(p, q) = E_p[log p(z) - log q(z)]: large where p has weight and q has none."""
        low, high = self.means - REACH * self.sigmas, self.means + REACH * self.sigmas
        z, dz = trapezoid(low.min(), high.max())
        log_p = self.log_density(z)
        return float(dz @ (np.exp(log_p) * (log_p - log_normal(z, mu, log_var))))

    def reverse_kl(self, mu: float, log_var: float) -> float:
        """KL(q, p) = E_q[log q(z) - log p(z)]: large where q has weight and p has none."""
        return float(self._reverse_kl(mu, log_var))

    def reverse_minimum(self, mu: float, log_var: float) -> tuple[float, float]:
        """The local minimum (mu, log_var) of reverse KL downhill from a start; other starts may end elsewhere."""
        place, size = np.array([mu, log_var]), 0.05  # short steps, since a shallow minimum is easily jumped over
        moves = np.array([(0, 0), *product((-1, 0, 1), repeat=2)])  # first: stay
        while size > 1e-4:
            around = place + size * moves
            best = self._reverse_kl(*around.T).argmin()
            place, size = around[best], size if best else size / 2
        for _ in range(5):  # Newton's method, from so near that it can't go to a saddle
            steps = 1e-5 * np.eye(2)
            slopes = [(self._reverse_gradient(place + s) - self._reverse_gradient(place - s)) / 2e-5 for s in steps]
            place = place - np.linalg.solve(np.array(slopes).T, self._reverse_gradient(place))
        return float(place[0]), float(place[1])

    def _reverse_kl(self, mu, log_var):
        """Of the shape to which mu and log_var broadcast."""
        e, de = _standard_normal()
        mu, log_var = np.broadcast_arrays(mu, log_var)
        z = mu[..., None] + np.exp(log_var / 2)[..., None] * e
        return de @ log_normal(e, 0, 0) - log_var / 2 - self.log_density(z) @ de

    def _reverse_gradient(self, place):
        """By (mu, log_var), through z = mu + sigma e."""
        e, de = _standard_normal()
        sigma = np.exp(place[1] / 2)
        score = self.score(place[0] + sigma * e)
        return -np.array([de @ score, (1 + sigma * (de @ (e * score))) / 2])

    def _log_parts(self, z):
        z = np.asarray(z, dtype=np.float64)[..., None]
        return np.log(self.weights) + log_normal(z, self.means, 2 * np.log(self.sigmas))


def _standard_normal() -> tuple[np.ndarray, np.ndarray]:
    """Nodes e, and weights for the expectation over e ~ N(0, 1)."""
    e, de = trapezoid(-REACH, REACH)
    return e, de * np.exp(log_normal(e, 0, 0))
