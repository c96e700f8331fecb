"""RunsExplorer: a family of trained models, from the plane of rate and distortion to pixels. Used in 06 and 10."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.instrument import Instrument, whole
from vae_lesson.plots import COLOURS

ACTIVE = 0.01  # a latent with more variance of its posterior mean is active: Burda et al. (2016), section 5.2


class RunPicture(NamedTuple):
    """What RunsExplorer shows of one trained model.

    name: what sets it apart, such as "β = 4".
    rate, distortion: of held-out images, in nats an image.
    images: shape (rows, columns, height, width), in [0, 1].
    activity: variance over images of each latent's posterior mean, shape (latent_dim,), or None.
    """

    name: str
    rate: float
    distortion: float
    images: np.ndarray
    activity: np.ndarray | None = None


class RunsExplorer(Instrument):
    """A slider through trained models: where each lies in the plane of rate and distortion, and what it makes.

    Args:
        pictures: one RunPicture for each run, all with images of one shape, and all with an activity or none.
        index: which run at first, counted from 0.
        row_names: what each row of images shows.
        curve: whether a line joins the runs in their order.

    Attributes:
        index: which run; set it to move.

    Raises:
        ValueError: an argument, or what index is set to, is not of the kind above.
    """

    _esm = bundle("runs_explorer.js")

    index = whole("index", lambda widget: range(len(widget._runs))).tag(sync=True, echo_update=False)
    runs = traitlets.List().tag(sync=True)  # name, rate, distortion and activity (empty: not measured) of each
    images = traitlets.Bytes().tag(sync=True)  # uint8 (runs, rows, columns, height, width)
    grid = traitlets.List().tag(sync=True)  # rows, columns, height, width
    row_names = traitlets.List().tag(sync=True)
    curve = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        pictures: Sequence[RunPicture],
        index: int = 0,
        row_names: Sequence[str] = ("held out", "copied", "invented"),
        curve: bool = True,
    ):
        self._runs = [_checked(i, picture) for i, picture in enumerate(pictures)]
        if not self._runs:
            raise ValueError("pictures is empty; wanted at least one RunPicture")
        first = self._runs[0]
        for i, run in enumerate(self._runs):
            if run.images.shape != first.images.shape or (run.activity is None) != (first.activity is None):
                raise ValueError(
                    f"pictures[{i}] has images of shape {run.images.shape} and {_told(run.activity)}; wanted "
                    f"{first.images.shape} and {_told(first.activity)} as in pictures[0]"
                )
        if isinstance(row_names, str) or len(row_names) != len(first.images):
            raise ValueError(f"row_names is {row_names!r}; wanted {len(first.images)} names, one for each row")
        super().__init__(
            index=index,
            runs=[
                dict(
                    name=run.name,
                    rate=run.rate,
                    distortion=run.distortion,
                    activity=[] if run.activity is None else run.activity.tolist(),
                )
                for run in self._runs
            ],
            images=np.rint(255 * np.stack([run.images for run in self._runs])).astype(np.uint8).tobytes(),
            grid=list(first.images.shape),
            row_names=list(row_names),
            curve=curve,
        )

    def set(self, index: int | None = None) -> None:
        """Move to another run, on the page too.

        Raises:
            ValueError: there is no such run; then nothing moves.
        """
        self._move(index=index)

    @property
    def numbers(self) -> dict[str, float]:
        """Name -> value in nats an image for the present run; with "active units" if the activity is known."""
        run = self._runs[self.index]
        told = {"rate": run.rate, "distortion": run.distortion, "ELBO": -(run.rate + run.distortion)}
        return told if run.activity is None else told | {"active units": int((run.activity > ACTIVE).sum())}

    def draw(self, figure: Figure) -> None:
        """Draw the widget as it stands."""
        known = self._runs[0].activity is not None
        parts = figure.subplot_mosaic([["plane", "sheet"], ["plane", "bars"]] if known else [["plane", "sheet"]])
        self._draw_plane(parts["plane"])
        run = self._runs[self.index]
        sheet = np.concatenate(np.concatenate(run.images, axis=1), axis=1)
        parts["sheet"].imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
        middles = (np.arange(len(self.row_names)) + 0.5) * run.images.shape[2]
        parts["sheet"].set(xticks=[], yticks=middles, yticklabels=self.row_names, title=run.name)
        if known:
            _draw_activity(parts["bars"], run.activity)

    def alt(self) -> str:
        """The picture in words."""
        told = ", ".join(f"{name} {value:.4g}" for name, value in self.numbers.items())
        return f"{len(self._runs)} runs in the plane of rate and distortion; {self._runs[self.index].name}: {told}"

    def summary(self) -> str:
        """How many runs it shows."""
        return f"runs={len(self._runs)}"

    def _draw_plane(self, axis: Axes) -> None:
        rates, distortions = ([getattr(run, term) for run in self._runs] for term in ("rate", "distortion"))
        here = self._runs[self.index]
        axis.plot(rates, distortions, "o-" if self.curve else "o", color=COLOURS["prior"], linewidth=1)
        axis.plot(here.rate, here.distortion, "o", color="black", markersize=10)
        axis.annotate(here.name, (here.rate, here.distortion), (8, 8), textcoords="offset points")
        axis.axline((here.rate, here.distortion), slope=-1, color=COLOURS["elbo"], linewidth=1)
        axis.margins(0.15)
        axis.set(xlabel="rate (nats)", ylabel="distortion (nats)")


def _checked(i: int, picture: RunPicture) -> RunPicture:
    """One of the pictures with arrays and floats."""
    where = f"pictures[{i}]"
    if not isinstance(picture, RunPicture) or not isinstance(picture.name, str):
        raise ValueError(f"{where} is {type(picture).__name__}; wanted a RunPicture with a name")
    rate, distortion = float(picture.rate), float(picture.distortion)
    if not np.isfinite([rate, distortion]).all():
        raise ValueError(f"{where} has rate {rate} and distortion {distortion}; wanted finite numbers")
    images = np.asarray(picture.images, dtype=np.float64)
    if images.ndim != 4 or not images.size or not ((images >= 0) & (images <= 1)).all():  # false for NaN too
        raise ValueError(f"{where} has images of shape {images.shape}; wanted (rows, columns, height, width) in [0, 1]")
    if picture.activity is None:
        return RunPicture(picture.name, rate, distortion, images)
    activity = np.asarray(picture.activity, dtype=np.float64)
    if activity.ndim != 1 or not len(activity) or not (np.isfinite(activity) & (activity >= 0)).all():
        raise ValueError(f"{where} has an activity of shape {activity.shape}; wanted (latent_dim,), none negative")
    return RunPicture(picture.name, rate, distortion, images, activity)


def _told(activity: np.ndarray | None) -> str:
    return "no activity" if activity is None else "an activity"


def _draw_activity(axis: Axes, activity: np.ndarray) -> None:
    """A bar for each latent, the most active first, those that are not active hatched."""
    falling = np.sort(activity)[::-1]
    look: dict[str, Any]
    for i, value in enumerate(falling):
        look = dict(color=COLOURS["q"]) if value > ACTIVE else dict(facecolor="none", edgecolor="grey", hatch="////")
        axis.bar(i + 1, max(value, 1e-5), **look)
    axis.axhline(ACTIVE, color="black", linestyle=":", linewidth=1)
    axis.set(yscale="log", ylim=(1e-5, 10), xticks=[], xlabel="latents", ylabel="activity")
    axis.set_title(f"active: {(activity > ACTIVE).sum()} of {len(activity)}", fontsize=9)
