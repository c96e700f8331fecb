"""BoundExplorer: a q over an exact posterior, and the bound on log p(x) that it gives. Used in 02, 03 and 04."""

from math import ceil, exp, floor, log, sqrt

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vae_lesson.estimators import Estimate, summarize
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.pictures import Bar, draw_bars, draw_densities, draw_sticks
from vae_lesson.explorer.q_widget import QWidget
from vae_lesson.linear_gaussian import LinearGaussian

VIEWS = ("weights", "bars", "terms")
MOST = 100  # samples from q
WIDEST = 3.0  # standard deviation of q


class BoundExplorer(QWidget):
    """Densities of z for one observed x, with a q to drag; below them, by `view`, what q tells of log p(x).

    "weights": K samples of q with their importance weights; "bars": log p(x), ELBO and KL(q, posterior);
    "terms": rate and distortion. The browser computes all from closed forms, so that they follow the hand.

    Args:
        model: a LinearGaussian with one pixel and one latent.
        x: the observed pixel.
        view: "weights", "bars" or "terms".
        mu, log_var: where q starts; at the prior if not given.
        K: how many samples of q at first, 1 to 100.
        seed: of the K standard normal numbers that are pushed through q.

    Attributes:
        mu, log_var: mean and log-variance of q; set them to move it.
        K: how many samples of q.

    Raises:
        ValueError: model is not scalar, x is not a finite number, or view is another word.
        TraitError: mu, log_var or K is out of its range.
    """

    _esm = bundle("bound_explorer.js")

    linear = traitlets.Dict().tag(sync=True)  # W, b, sigma, x
    noise = traitlets.List(traitlets.Float()).tag(sync=True)
    K = traitlets.Int(min=1, max=MOST).tag(sync=True, echo_update=False)

    def __init__(
        self,
        model: LinearGaussian,
        x: float,
        view: str = "weights",
        mu: float = 0.0,
        log_var: float = 0.0,
        K: int = 20,
        seed: int = 0,
    ):
        if not isinstance(model, LinearGaussian) or not model.is_scalar:
            raise ValueError(f"model is {model!r}; wanted a LinearGaussian with a scalar W")
        if np.ndim(x) != 0 or not np.isfinite(x):
            raise ValueError(f"x is {x!r}; wanted a finite number")
        if view not in VIEWS:
            raise ValueError(f"view is {view!r}; wanted one of {', '.join(VIEWS)}")
        self._model, self.x = model, float(x)
        mean, variance = (float(value) for value in model.posterior(self.x))
        z_range = (floor(min(-4, mean - 4 * sqrt(variance))), ceil(max(4, mean + 4 * sqrt(variance))))
        narrowest = min(0.1, sqrt(variance) / 3)
        super().__init__(
            z_range=z_range,
            mu_range=z_range,
            log_var_range=(2 * log(narrowest), 2 * log(WIDEST)),
            view=view,
            mu=mu,
            log_var=log_var,
            K=K,
            linear={"W": float(model.W[0, 0]), "b": float(model.b[0]), "sigma": model.sigma, "x": self.x},
            noise=np.random.default_rng(seed).standard_normal(MOST).tolist(),
        )

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> exact value in nats for the present q; in the view "weights" with what the K samples tell."""
        q = dict(mu=self.mu, log_var=self.log_var)
        exact = {
            "log p(x)": self._model.log_evidence(self.x),
            "ELBO": self._model.elbo(self.x, **q),
            "KL(q, posterior)": self._model.kl_to_posterior(self.x, **q),
            "rate": self._model.rate(**q),
            "distortion": self._model.distortion(self.x, **q),
        }
        if self.view == "weights":
            estimate = self._estimate()
            exact |= {
                "log of the mean weight": estimate.log_estimate,
                "effective sample size": estimate.effective_sample_size,
                "largest share": estimate.largest_share,
            }
        return {name: float(value) for name, value in exact.items()}

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        mean, variance = self._model.posterior(self.x)
        above, below = figure.subplots(2, height_ratios=(3, 2))
        draw_densities(
            above,
            self.z_range,
            {
                "prior": ("p(z)", 0, 1),
                "posterior": ("p(z|x)", mean, variance),
                "q": ("q(z|x)", self.mu, exp(self.log_var)),
            },
        )
        if self.view == "weights":
            z, log_weights = self._samples()
            draw_sticks(below, self.z_range, z, np.exp(log_weights - np.logaddexp.reduce(log_weights)))
        else:
            draw_bars(below, self._bars())

    def alt(self) -> str:
        """The picture in words."""
        told = ", ".join(f"{name} {value:.3f}" for name, value in self.numbers.items())
        return f"the densities p(z), p(z|x) and q(z|x) over z, and below them: {told}"

    def summary(self) -> str:
        """What it was made of."""
        return f"view={self.view!r}, x={self.x:g}"

    def _samples(self) -> tuple[np.ndarray, np.ndarray]:
        """K samples z of q, and their log weights log p(x, z) - log q(z)."""
        z = self.mu + exp(self.log_var / 2) * np.array(self.noise[: self.K])
        log_joint = self._model.log_likelihood(self.x, z) + self._model.log_prior(z)
        return z, log_joint - self._model.log_q(z, self.mu, log_var=self.log_var)

    def _estimate(self) -> Estimate:
        return summarize([self._samples()[1]])

    def _bars(self) -> list[Bar]:
        n = self.numbers
        if self.view == "bars":
            return [
                Bar("log p(x)", 0, n["log p(x)"], "evidence"),
                Bar("ELBO", 0, n["ELBO"], "elbo"),
                Bar("KL(q, posterior)", n["ELBO"], n["log p(x)"], None),
            ]
        return [
            Bar("rate", 0, n["rate"], "rate"),
            Bar("distortion", n["rate"], -n["ELBO"], "distortion"),
            Bar("-ELBO", 0, -n["ELBO"], "elbo"),
            Bar("gap", -n["log p(x)"], -n["ELBO"], None),
            Bar("-log p(x)", 0, -n["log p(x)"], "evidence"),
        ]
