"""KLExplorer: the KL divergence of a Gaussian q as an area, and forward against reverse KL. Used in 05."""

from functools import cache
from math import exp, log

import numpy as np
import traitlets
from matplotlib.figure import Figure

from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.pictures import Bar, draw_bars, draw_densities, draw_integrand
from vae_lesson.explorer.q_widget import QWidget
from vae_lesson.mixture import REACH, Mixture, log_normal, trapezoid

TARGET = Mixture(weights=(0.7, 0.3), means=(-1.5, 1.5), sigmas=(0.5, 0.5))
MU_RANGE, LOG_VAR_RANGE = (-4.0, 4.0), (2 * log(0.2), 2 * log(3.0))
VIEWS = ("prior", "bimodal")


class KLExplorer(QWidget):
    """A Gaussian q to drag against a density p; below, by `view`, the KL divergence between them.

    "prior": p = N(0, 1), the integrand q log(q/p) whose area is KL(q, p), and the four terms of the closed form.
    "bimodal": p has two modes; KL(p, q) and KL(q, p) with the least that any q here reaches, and buttons to go there.

    Args:
        view: "prior" or "bimodal".
        mu, log_var: where q starts.

    Attributes:
        mu, log_var: mean and log-variance of q; set them to move it.
        minima: name -> (mu, log_var) of each minimum of the view "bimodal".

    Raises:
        ValueError: view is another word.
        TraitError: mu or log_var is out of its range.
    """

    _esm = bundle("kl_explorer.js")

    target = traitlets.List().tag(sync=True)  # [share, mean, log_var] of each component
    minima = traitlets.Dict().tag(sync=True)

    def __init__(self, view: str = "prior", mu: float = 1.0, log_var: float = -1.0):
        if view not in VIEWS:
            raise ValueError(f"view is {view!r}; wanted one of {', '.join(VIEWS)}")
        prior = view == "prior"
        parts = np.transpose([TARGET.weights, TARGET.means, 2 * np.log(TARGET.sigmas)]).tolist()
        super().__init__(
            z_range=(-5.0, 5.0),
            mu_range=MU_RANGE,
            log_var_range=LOG_VAR_RANGE,
            view=view,
            mu=mu,
            log_var=log_var,
            target=[] if prior else parts,
            minima={} if prior else _minima(),
        )

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> value in nats for the present q: closed forms, and quadrature where there is none."""
        if self.view == "bimodal":
            return {
                "KL(p, q)": TARGET.forward_kl(self.mu, self.log_var),
                "least KL(p, q)": TARGET.forward_kl(*self.minima["forward"]),
                "KL(q, p)": TARGET.reverse_kl(self.mu, self.log_var),
                "least KL(q, p)": TARGET.reverse_kl(*self.minima["reverse"]),
            }
        z, dz = trapezoid(self.mu - REACH * exp(self.log_var / 2), self.mu + REACH * exp(self.log_var / 2))
        terms = {
            "mu^2/2": self.mu**2 / 2,
            "sigma^2/2": exp(self.log_var) / 2,
            "-1/2": -0.5,
            "-log sigma": -self.log_var / 2,
        }
        return {"KL(q, p)": sum(terms.values()), "area": float(dz @ self._integrand(z)), **terms}

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        above, below = figure.subplots(2, height_ratios=(3, 2))
        q = {"q": ("q(z)", self.mu, exp(self.log_var))}
        n = self.numbers
        if self.view == "prior":
            draw_densities(above, self.z_range, {"prior": ("p(z)", 0, 1), **q})
            draw_integrand(below, self.z_range, self._integrand, n["KL(q, p)"])
        else:
            draw_densities(above, self.z_range, q, target=lambda z: np.exp(TARGET.log_density(z)))
            draw_bars(below, [Bar("KL(p, q)", 0, n["KL(p, q)"], "posterior"), Bar("KL(q, p)", 0, n["KL(q, p)"], "q")])

    def alt(self) -> str:
        """The picture in words."""
        told = ", ".join(f"{name} {value:.3f}" for name, value in self.numbers.items())
        return f"the densities p(z) and q(z) over z, and below them: {told}"

    def summary(self) -> str:
        """Which view it is."""
        return f"view={self.view!r}"

    def _integrand(self, z: np.ndarray) -> np.ndarray:
        """q log(q/p) at z, for p = N(0, 1)."""
        log_q = log_normal(z, self.mu, self.log_var)
        return np.exp(log_q) * (log_q - log_normal(z, 0, 0))


@cache
def _minima() -> dict[str, tuple[float, float]]:
    """Where forward KL is least (moment matching, exact), and reverse KL's minimum at either mode, the lower first."""
    found = [TARGET.reverse_minimum(mean, 2 * log(s)) for mean, s in zip(TARGET.means, TARGET.sigmas, strict=True)]
    reverse, other = sorted(found, key=lambda place: TARGET.reverse_kl(*place))
    return {"forward": TARGET.moments(), "reverse": reverse, "other": other}
