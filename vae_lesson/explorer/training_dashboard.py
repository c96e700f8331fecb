"""TrainingDashboard: the live picture of a training run. Used in 08_train."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import numpy as np
import torch
import traitlets
from ipykernel.kernelbase import Kernel
from matplotlib.figure import Figure
from torch import Tensor

from vae_lesson.evaluate import activity
from vae_lesson.explorer.bundle import bundle
from vae_lesson.explorer.images import (
    channels_first,
    check_images,
    check_labels,
    class_bytes,
    class_colours,
    image_bytes,
)
from vae_lesson.explorer.network import decoded, float32_bytes, posterior
from vae_lesson.explorer.pictures import png
from vae_lesson.explorer.snapshots import draw_history, draw_posteriors, draw_sheet
from vae_lesson.explorer.widget import LessonWidget
from vae_lesson.model import VAE
from vae_lesson.run import History, Run

COLUMNS = 10
SAMPLES = 40
ELLIPSES = 100
PAUSE = 0.2  # seconds between two updates at least ...
SHARE = 0.04  # ... and so many that they take no more than this share of the time
TERMS = [f"{images}_{term}" for images in ("train", "held") for term in ("elbo", "rate", "distortion")]


class TrainingDashboard(LessonWidget):
    """ELBO, rate and distortion as they change, reconstructions, posteriors in the latent plane, and samples.

    Show it, then give it to the training: `run = train(model, ..., on_epoch=dashboard)`, and at the end
    `dashboard.finish(run)`. Samples come from the same noise each time, so that they morph as the decoder learns.
    While it trains, a button stops the run after its last whole epoch, as interrupting the kernel does.

    Args:
        model: the VAE that is going to be trained.
        images: some to watch, best held-out ones, as the encoder takes them, shape (n, *image_shape), in [0, 1].
        labels: their classes, whole numbers from 0 on, shape (n,).

    Raises:
        ValueError: an argument is not of the kind above.
    """

    _esm = bundle("training_dashboard.js")

    status = traitlets.Unicode().tag(sync=True)
    training = traitlets.Bool().tag(sync=True)
    can_go_on = traitlets.Bool().tag(sync=True)
    wish = traitlets.Enum(["", "go on"], "").tag(sync=True)  # what the reader pressed
    history = traitlets.Bytes().tag(sync=True)  # float32 (7, epochs): epoch, then TERMS; NaN where not measured
    image_shape = traitlets.List(traitlets.Int()).tag(sync=True)  # channels, height, width
    originals = traitlets.Bytes().tag(sync=True)  # uint8, as the next two: (COLUMNS, *image_shape)
    reconstructions = traitlets.Bytes().tag(sync=True)
    samples = traitlets.Bytes().tag(sync=True)  # (SAMPLES, *image_shape)
    axes = traitlets.List(traitlets.Int()).tag(sync=True)  # the plane's two latents, counted from 0
    ellipses = traitlets.Bytes().tag(sync=True)  # float32 (ELLIPSES, 4): two means, two standard deviations
    classes = traitlets.Bytes().tag(sync=True)  # uint8 (ELLIPSES,); empty without labels
    colours = traitlets.Dict().tag(sync=True)  # class -> colour

    def __init__(self, model: VAE, images: Tensor, labels: Sequence[int] | Tensor | None = None):
        check_images(model, images)
        labels = check_labels(labels, len(images))
        self._next = 0.0  # no update before this moment
        self._go_on: Callable[[], Run] | None = None
        self._rows = _one_of_each(labels, len(images))
        self._images, self._labels = images, labels
        self._noise = torch.randn(SAMPLES, model.latent_dim, generator=torch.Generator().manual_seed(0))
        super().__init__(
            image_shape=channels_first(model.image_shape),
            originals=image_bytes(images[self._rows]),
            classes=class_bytes(None if labels is None else labels[:ELLIPSES]),
            colours=class_colours(labels),
        )
        self._show(History(), model, "before training")

    def __call__(self, run: Run) -> None:
        """Show where a training run is, unless the last time was only a moment ago; for `train(on_epoch=...)`."""
        start = time.monotonic()
        if start < self._next:
            return
        self._show(run.history, run.model, f"training: epoch {run.epoch}", training=True)
        end = time.monotonic()
        self._next = end + max(PAUSE, (end - start) / SHARE)

    def finish(self, run: Run, go_on: Callable[[], Run] | None = None) -> None:
        """Show how a training run ended.

        Args:
            run: the run.
            go_on: with it, a run that was interrupted gets a button "Go on", which calls it: it trains on, with this
                dashboard as on_epoch, and returns the run.
        """
        self._go_on = go_on
        with self.hold_sync():
            self.can_go_on = go_on is not None and run.stopped == "interrupted"
            self._show(run.history, run.model, f"{run.stopped or 'finished'} after epoch {run.epoch}")

    @traitlets.observe("wish")
    def _grant(self, change: dict) -> None:
        self.wish = ""
        if change["new"] == "go on" and self.can_go_on and self._go_on is not None:
            self.can_go_on = False
            go_on = self._go_on
            _in_main_thread(lambda: self._train_on(go_on))

    def _train_on(self, go_on: Callable[[], Run]) -> None:
        """What the button asks for. An error would show in no cell: the status tells it, and the button comes back."""
        try:
            run = go_on()
        except KeyboardInterrupt:  # before train heard of it
            self._end("interrupted")
        except Exception as error:
            self._end(f"stopped by an error: {type(error).__name__}: {error}")
            raise
        else:
            self.finish(run, go_on)

    def _end(self, status: str) -> None:
        with self.hold_sync():
            self.training, self.can_go_on, self.status = False, True, status

    def snapshot(self) -> bytes:
        """A picture (PNG) of the curves, the posteriors, reconstructions and samples, drawn without a browser."""
        figure = Figure(figsize=(9.4, 5.2), dpi=100, facecolor="white", layout="constrained")
        parts = figure.subplot_mosaic(
            [["elbo", "rate", "distortion"], ["plane", "pictures", "pictures"]], height_ratios=(2, 3)
        )
        draw_history(parts, np.frombuffer(self.history, "<f4").reshape(7, -1))
        ellipses = np.frombuffer(self.ellipses, "<f4").reshape(-1, 4)
        labels = None if self._labels is None else self._labels[: len(ellipses)].tolist()
        draw_posteriors(parts["plane"], ellipses, labels, self.axes)
        pixels = np.frombuffer(self.originals + self.reconstructions + self.samples, np.uint8)
        draw_sheet(parts["pictures"], pixels.reshape(-1, COLUMNS, *self.image_shape) / 255)
        figure.suptitle(self.status, fontsize=9)
        return png(figure)

    def alt(self) -> str:
        """The picture in words."""
        return f"{self.status}: curves of ELBO, rate and distortion, posteriors, reconstructions and samples"

    def summary(self) -> str:
        """The sizes of what it watches."""
        return f"images={len(self._images)}"

    def _show(self, history: History, model: VAE, status: str, training: bool = False) -> None:
        mu, sigma = posterior(model, self._images[: max(ELLIPSES, len(self._rows))])
        axes = sorted(activity(mu).argsort(descending=True)[:2].tolist()) if model.latent_dim > 1 else []
        row_mu, _ = posterior(model, self._images[self._rows])
        with self.hold_sync():  # one message
            self.history = _history_bytes(history)
            self.reconstructions = image_bytes(decoded(model, row_mu))
            self.samples = image_bytes(decoded(model, self._noise))
            self.axes = axes
            self.ellipses = float32_bytes(torch.cat([mu[:, axes], sigma[:, axes]], 1)[:ELLIPSES])
            self.training = training
            self.status = status


def _in_main_thread(work: Callable[[], None]) -> None:
    """Do it where the kernel's interrupt arrives: JupyterLab hands some of a widget's messages to other threads."""
    if threading.current_thread() is threading.main_thread() or not Kernel.initialized():
        work()
    else:
        Kernel.instance().io_loop.add_callback(work)


def _history_bytes(history: History) -> bytes:
    missing = [np.nan] * len(history.epoch)
    rows = [history.epoch, *(getattr(history, term) or missing for term in TERMS)]
    return np.array(rows, dtype="<f4").tobytes()


def _one_of_each(labels: Tensor | None, n: int) -> list[int]:
    """COLUMNS rows to watch: the first image of each class, then the first of those left; again if they are too few."""
    first = [] if labels is None else [int((labels == label).nonzero()[0]) for label in labels.unique()]
    others = (i for i in range(n) if i not in first)
    return list(islice(cycle([*first, *islice(others, COLUMNS)]), COLUMNS))
