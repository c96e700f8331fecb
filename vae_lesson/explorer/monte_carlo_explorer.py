"""MonteCarloExplorer: log p(x) from samples of the prior, and how it fails as z gets more dimensions. Used in 01."""

from collections.abc import Mapping
from heapq import heappush, heappushpop

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vae_lesson.estimators import summarize
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.instrument import Instrument, between, whole
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.plots import COLOURS

MOST = 10_000  # samples in a run
FEW = 12  # samples of which the weight is shown
TABLES = 50  # runs times models: 2 MB
LEAST_NOISE, MOST_NOISE = 0.5, 4.0


class MonteCarloExplorer(Instrument):
    """Naive Monte Carlo beside the exact answer: a running estimate, and who carries the weight.

    Run r draws its samples by `numpy.random.default_rng(seed + r).standard_normal((10_000, dimension))`; the numbers
    are those of run 0. The browser gets each sample's squared distance from x once and computes all else by itself.

    Args:
        models: latent dimension -> a LinearGaussian with so many latents, all for the same pixels.
        x: one image, shape (height, width) or (pixels,).
        dimension: which model at first.
        n: how many samples at first.
        runs: independent runs, each a line.
        seed: of the samples.

    Attributes:
        n: how many samples, 1 to 10,000.
        dimension: which model.
        noise: what the model's sigma is multiplied with, 0.5 to 4.
        rule: whether the line at n = e^KL is shown.

    Raises:
        ValueError: an argument, or what an attribute is set to, is not of the kind above.
    """

    _esm = bundle("monte_carlo_explorer.js")

    n = whole("n", lambda _: range(1, MOST + 1)).tag(sync=True, echo_update=False)  # an echo would pull it back
    dimension = whole("dimension", lambda widget: list(widget._models)).tag(sync=True, echo_update=False)
    noise = between("noise", LEAST_NOISE, MOST_NOISE).tag(sync=True, echo_update=False)
    rule = traitlets.Bool().tag(sync=True)
    runs = traitlets.Int().tag(sync=True)
    places = traitlets.List().tag(sync=True)  # of each model: what monte_carlo.js calls a place, and more
    offs = traitlets.Bytes().tag(sync=True)  # float32 (models, runs, MOST): squared distance of W z from x in W's span
    image_shape = traitlets.List().tag(sync=True)  # channels, height, width; empty if x is no picture
    pictures = traitlets.Bytes().tag(sync=True)  # uint8: x, then of each model the samples that are ever among the FEW

    def __init__(
        self,
        models: Mapping[int, LinearGaussian],
        x: ArrayLike,
        dimension: int = 2,
        n: int = 1000,
        runs: int = 5,
        seed: int = 0,
    ):
        x = np.squeeze(np.asarray(x, dtype=np.float64))
        self._models, self._x, self._seed = _checked_models(models, x), x.reshape(1, -1), seed
        if not isinstance(runs, int) or not 1 <= runs <= TABLES // len(self._models):
            most = TABLES // len(self._models)
            raise ValueError(f"runs is {runs!r}; wanted a whole number from 1 to {most} for {len(self._models)} models")
        places, offs, pictures = [], [], [_pixels(self._x)]
        for latents, model in self._models.items():
            place, within, along = _seen_by(model, self._x[0])
            of_runs = [((self._draws(latents, run) @ within.T - along) ** 2).sum(1) for run in range(runs)]
            shown = _ever_nearest(of_runs[0])
            pictures.append(_pixels(self._draws(latents)[shown] @ model.W.T + model.b))
            places.append(place | {"dimension": latents, "shown": shown})
            offs += of_runs
        drawn = x.ndim == 2
        super().__init__(
            dimension=dimension,
            n=n,
            noise=1.0,
            rule=False,
            runs=runs,
            places=places,
            offs=np.array(offs, dtype="<f4").tobytes(),
            image_shape=[1, *x.shape] if drawn else [],
            pictures=b"".join(pictures) if drawn else b"",
        )

    def set(self, n: int | None = None, dimension: int | None = None, noise: float | None = None) -> None:
        """Move to other samples, another model or other noise, on the page too; what is not given stays.

        Raises:
            ValueError: one of them is out of its range; then nothing moves.
        """
        self._move(n=n, dimension=dimension, noise=noise)

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> value in nats (sizes and shares apart): exact, and what the first n samples of run 0 tell."""
        model = self._model()
        estimate = summarize(self._log_weights(0)[: self.n])
        kl = float(model.kl_posterior_prior(self._x)[0])
        told = {
            "log p(x)": model.log_evidence(self._x)[0],
            "log estimate": estimate.log_estimate,
            "standard error": estimate.standard_error,
            "effective sample size": estimate.effective_sample_size,
            "largest share": estimate.largest_share,
            "KL(posterior, prior)": kl,
            "e^KL": np.exp(kl),
        }
        return {name: float(value) for name, value in told.items()}

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        above, below = figure.subplots(2, height_ratios=(3, 1))
        counts = np.arange(1, MOST + 1)
        told = self.numbers
        lines = [np.logaddexp.accumulate(self._log_weights(run)) - np.log(counts) for run in range(self.runs)]
        for run, line in reversed([*enumerate(lines)]):
            look = dict(linewidth=2, label="run 0") if run == 0 else dict(linewidth=0.8, alpha=0.6)
            above.semilogx(counts, line, drawstyle="steps-post", color=COLOURS["prior"], **look)
        above.axhline(told["log p(x)"], color=COLOURS["evidence"], label="log p(x), exact")
        above.axvline(self.n, color="black", linestyle=":", linewidth=1)
        if self.rule and told["e^KL"] <= MOST:
            above.axvline(told["e^KL"], color=COLOURS["posterior"], linestyle="--", label="n = e^KL")
        low, high = min(line[9] for line in lines), max(told["log p(x)"], *(line[9:].max() for line in lines))
        air = 0.06 * max(4, high - low)
        above.set(xlim=(1, MOST), ylim=(high + air - 1.12 * max(4, high - low), high + air))
        above.set(xlabel="samples n", ylabel="nats", title=f"{self.dimension} latents: running estimate of log p(x)")
        above.legend(loc="lower right", fontsize=8)
        log_weights = self._log_weights(0)[: self.n]
        shares = np.sort(np.exp(log_weights - np.logaddexp.reduce(log_weights)))[::-1][:FEW]
        below.bar(np.arange(1, len(shares) + 1), shares, color=COLOURS["prior"])
        below.set(xlim=(0.4, FEW + 0.6), ylim=(0, 1), ylabel="share", xticks=[])
        below.set_title(f"the heaviest of n = {self.n:,} samples, as shares of the weight", fontsize=9)

    def alt(self) -> str:
        """The picture in words."""
        told = self.numbers
        return (
            f"running estimates of log p(x) from samples of the prior, {self.dimension} latents: at n = {self.n} the "
            f"estimate is {told['log estimate']:.1f} nats and the exact value {told['log p(x)']:.1f}; the heaviest "
            f"sample carries {told['largest share']:.0%} of the weight"
        )

    def summary(self) -> str:
        """What it was made of."""
        return f"dimensions={list(self._models)}, runs={self.runs}"

    def _model(self) -> LinearGaussian:
        model = self._models[self.dimension]
        return LinearGaussian(model.W, model.b, model.sigma * self.noise)

    def _draws(self, latents: int, run: int = 0) -> np.ndarray:
        return np.random.default_rng(self._seed + run).standard_normal((MOST, latents))

    def _log_weights(self, run: int) -> np.ndarray:
        """log p(x|z) of each sample of a run, shape (MOST,)."""
        return self._model().log_likelihood(self._x, self._draws(self.dimension, run))


def _checked_models(models: Mapping[int, LinearGaussian], x: np.ndarray) -> dict[int, LinearGaussian]:
    """The models in rising order of their dimension."""
    if not isinstance(models, Mapping) or not models or len(models) > TABLES:
        raise ValueError(f"models is {models!r}; wanted {{latent dimension: LinearGaussian}}, 1 to {TABLES} of them")
    for latents, model in models.items():
        if not isinstance(model, LinearGaussian) or model.latent_dim != latents:
            raise ValueError(f"models[{latents!r}] is {model!r}; wanted a LinearGaussian with that many latents")
        if x.size != model.data_dim or not np.isfinite(x).all():
            raise ValueError(f"x has shape {x.shape}; wanted one image of {model.data_dim} pixels, all finite")
    return dict(sorted(models.items()))


def _seen_by(model: LinearGaussian, x: np.ndarray) -> tuple[dict, np.ndarray, np.ndarray]:
    """What monte_carlo.js knows of x under a model; and, within the span of W, W itself and x - b."""
    directions, lengths, latents = np.linalg.svd(model.W, full_matrices=False)
    along = (x - model.b) @ directions
    rest = float(((x - model.b - directions @ along) ** 2).sum())
    spectrum = np.transpose([lengths**2, along**2]).tolist()
    place = dict(data_dim=model.data_dim, sigma=model.sigma, rest=rest, spectrum=spectrum)
    return place, lengths[:, None] * latents, along


def _ever_nearest(off: np.ndarray) -> list[int]:
    """The samples that are among the FEW nearest of those up to themselves: all that a bar may ever stand for."""
    nearest, shown = [], []
    for i, distance in enumerate(off.tolist()):
        if len(nearest) < FEW:
            heappush(nearest, -distance)
            shown.append(i)
        elif -distance > nearest[0]:
            heappushpop(nearest, -distance)
            shown.append(i)
    return shown


def _pixels(images: np.ndarray) -> bytes:
    """Images, cut to [0, 1], as one byte a pixel."""
    return np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8).tobytes()
