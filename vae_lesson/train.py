"""Training a VAE: the loop of 08_train with what a long run needs: progress, going on, no lost work."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vae_lesson import checkpoint
from vae_lesson.checkpoint import CheckpointError
from vae_lesson.device import pick_device
from vae_lesson.evaluate import as_pixels, evaluate
from vae_lesson.model import VAE
from vae_lesson.objective import elbo
from vae_lesson.threads import considerate_threads


class NonFiniteLoss(ArithmeticError):
    """The loss became infinite or not a number; the model is back at the last epoch that was well."""


@dataclass
class History:
    """Means over images, in nats an image, one entry an epoch; the held_* lists are empty without held-out images."""

    epoch: list[int] = field(default_factory=list)
    train_elbo: list[float] = field(default_factory=list)
    train_rate: list[float] = field(default_factory=list)
    train_distortion: list[float] = field(default_factory=list)
    held_elbo: list[float] = field(default_factory=list)
    held_rate: list[float] = field(default_factory=list)
    held_distortion: list[float] = field(default_factory=list)


@dataclass
class Run:
    """A training run between two epochs: all that going on needs.

    Attributes:
        model: the VAE, on the run's device.
        optimizer: Adam with its moments.
        generator: the one source of randomness: order of the images, their pixels and the samples of q(z|x).
        history: what each epoch gave.
        settings: batch_size, learning_rate, beta.
        best: with held-out images, the parameters at the best held-out ELBO so far.
        stopped: "" while running, then "finished", "interrupted" or "early".
    """

    model: VAE
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    settings: dict[str, float]
    history: History = field(default_factory=History)
    best: dict[str, Tensor] | None = None
    stopped: str = ""

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return len(self.history.epoch)

    def state(self) -> dict[str, Any]:
        """A copy of everything that changes, as tensors and plain values."""
        tensors = dict(model=self.model.state_dict(), optimizer=self.optimizer.state_dict(), best=self.best)
        return deepcopy(tensors) | dict(
            config=dict(self.model.config),
            settings=dict(self.settings),
            generator=self.generator.get_state(),
            history={name: list(values) for name, values in vars(self.history).items()},
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` gave; optimizer and model keep their device."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(deepcopy(state["optimizer"]))
        self.generator.set_state(state["generator"])
        self.history = History(**deepcopy(state["history"]))
        self.best = state["best"]

    def save(self, path: str | Path) -> None:
        """Write the run to a checkpoint file; raises CheckpointError."""
        checkpoint.save(path, self.state())

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = None) -> "Run":
        """Read a run from a checkpoint file, whole and checked; raises CheckpointError."""
        state, device = checkpoint.load(path), pick_device(device)
        try:
            with torch.device("meta"):  # shapes without memory, and no draw from torch's own generator
                model = VAE(**state["config"])
            model.load_state_dict(dict(state["model"]), assign=True)  # a copy: torch notes "assign" in what it is given
            run = cls.start(model, device=device, seed=0, **state["settings"])
            run.restore(state)
            _check_run(run)
        except Exception as error:  # torch's loaders raise many kinds
            raise CheckpointError(f"{path} is of another version of this course: train again") from error
        return run

    @classmethod
    def start(
        cls, model: VAE, *, batch_size: int, learning_rate: float, beta: float, seed: int, device: Any = None
    ) -> "Run":
        """A run before its first epoch."""
        _check_settings(batch_size, learning_rate, beta)
        model.to(pick_device(device))
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
        settings = dict(batch_size=batch_size, learning_rate=learning_rate, beta=beta)
        return cls(model, optimizer, torch.Generator().manual_seed(seed), settings)


def train(
    model: VAE | Run,
    images: Tensor,
    held_out: Tensor | None = None,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    beta: float = 1.0,
    seed: int = 0,
    device: str | torch.device | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[Run], None] | None = None,
    progress: bool = True,
) -> Run:
    """Maximize the mean ELBO of images over the parameters of model, in place.

    Ctrl-C, or the kernel's interrupt button, ends it after the last whole epoch and returns the run; `train(run, ...)`
    goes on from there, bit for bit as if it had never been stopped, as long as torch uses as many threads: that number
    can change the last digit of a sum. On a busy machine a run uses one (vae_lesson.threads).

    Args:
        model: a VAE, or a Run to go on with (its own batch_size, learning_rate, beta, seed and device then hold).
        images: training images, pixels in [0, 1], shape (n, *image_shape); a Bernoulli likelihood sees them binarized
            anew at each step (dynamic binarization).
        held_out: images to measure on after each epoch, shape (m, *image_shape).
        epochs: passes over the images in all, those of the Run that it goes on with included.
        batch_size: images a step.
        learning_rate: Adam's.
        beta: weight of the rate in the loss, distortion + beta * rate; 1 is the ELBO (beta-VAE: Higgins et al. 2017).
        seed: of the order of images, their pixels and the samples of q(z|x).
        device: see `pick_device`.
        patience: end early when the held-out ELBO has not risen for so many epochs, and return the best parameters.
        checkpoint: a file that is written after each epoch.
        on_epoch: called with the Run after each epoch.
        progress: show a bar with the time left.

    Returns:
        The Run; run.history holds the figures and run.stopped why it ended.

    Raises:
        ValueError: an argument is not of the kind above.
        NonFiniteLoss: a term of the loss was not finite; model and run are as at the last good epoch.
        CheckpointError: the checkpoint can't be written.

    Source: Kingma & Welling (2014), algorithm 1, with Adam (Kingma & Ba 2015).
    """
    run = model
    if isinstance(model, VAE):
        run = Run.start(model, batch_size=batch_size, learning_rate=learning_rate, beta=beta, seed=seed, device=device)
    _check_images("images", images, run.model)
    if held_out is not None:
        _check_images("held_out", held_out, run.model)
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"epochs must be a whole number, 0 or more, not {epochs!r}")
    if patience is not None and (held_out is None or patience < 1):
        raise ValueError(f"patience must be 1 or more, and needs held_out images; got {patience!r}")
    parameter = next(run.model.parameters())
    images, held_out = images.to(parameter), None if held_out is None else held_out.to(parameter)

    run.stopped = ""
    if checkpoint is not None:
        run.save(checkpoint)  # a full disk or a wrong folder is better met now than after the first epoch
    with _stop_requests() as asked, considerate_threads() as look:
        try:
            with tqdm(total=epochs, initial=run.epoch, unit="epoch", disable=not progress) as bar:
                while run.epoch < epochs and not run.stopped:
                    look()
                    _whole_epoch(run, images, held_out, patience, asked)
                    if checkpoint is not None:
                        run.save(checkpoint)
                    if on_epoch is not None:
                        on_epoch(run)
                    bar.set_postfix_str(f"ELBO {_last_elbo(run.history):.1f} nats", refresh=False)
                    bar.update()
        except KeyboardInterrupt:
            run.stopped = "interrupted"
    run.stopped = run.stopped or "finished"
    return run


def _whole_epoch(
    run: Run, images: Tensor, held_out: Tensor | None, patience: int | None, asked: Callable[[], bool]
) -> None:
    """One epoch, or none of it: whatever ends it half-way (Ctrl-C, a bad loss, no memory) leaves the run as it was."""
    good = run.state()
    try:
        _epoch(run, images, held_out, asked)
        if held_out is not None:
            _note_best(run, patience)
    except BaseException:
        run.restore(good)
        raise


def _epoch(run: Run, images: Tensor, held_out: Tensor | None, asked: Callable[[], bool]) -> None:
    """One pass over the images and the entry in the history; KeyboardInterrupt between two steps if asked to stop."""
    model, optimizer, generator, settings = run.model, run.optimizer, run.generator, run.settings
    order = torch.randperm(len(images), generator=generator, device="cpu")
    batches = order.to(images.device).split(settings["batch_size"])
    terms = torch.zeros(len(batches), 2, device=images.device)
    for step, batch in enumerate(batches):
        if asked():
            raise KeyboardInterrupt
        x = as_pixels(model, images[batch], generator)
        _, rate, distortion = elbo(model, x, generator)
        loss = (distortion + settings["beta"] * rate).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        terms[step] = torch.stack([rate.detach().sum(), distortion.detach().sum()])

    # Looked at once an epoch: a look at each step would make a GPU wait.
    terms = terms.cpu().double()
    for step, finite in enumerate(terms.isfinite().tolist()):
        for term, good in zip(("rate", "distortion"), finite, strict=True):
            if not good:
                raise NonFiniteLoss(f"the {term} is not finite at {_where(run, step)}: lower the learning rate")
    if not checkpoint.all_finite([model.state_dict(), optimizer.state_dict()]):
        raise NonFiniteLoss(f"the gradient is not finite at {_where(run, len(batches) - 1)}: lower the learning rate")
    # What the last step made is judged too; evaluate has its own noise, the same after each epoch.
    score = evaluate(model, images[batch] if held_out is None else held_out)
    for term in ("rate", "distortion"):
        if not isfinite(getattr(score, term)):
            where = _where(run, len(batches) - 1)
            raise NonFiniteLoss(f"the {term} is not finite after {where}: lower the learning rate")

    history = run.history
    rate, distortion = (terms.sum(0) / len(images)).tolist()
    history.epoch.append(run.epoch + 1)
    for name, value in zip(("elbo", "rate", "distortion"), (-(rate + distortion), rate, distortion), strict=True):
        getattr(history, f"train_{name}").append(value)
    if held_out is not None:
        for name, value in score._asdict().items():
            getattr(history, f"held_{name}").append(value)


def _where(run: Run, step: int) -> str:
    return f"step {step + 1} of epoch {run.epoch + 1}"


def _last_elbo(history: History) -> float:
    return (history.held_elbo or history.train_elbo)[-1]


def _note_best(run: Run, patience: int | None) -> None:
    """Note the best parameters; when they are `patience` epochs old, take them back and stop."""
    held = run.history.held_elbo
    best = max(range(len(held)), key=held.__getitem__)
    if best == len(held) - 1:
        run.best = deepcopy(run.model.state_dict())
    elif patience is not None and len(held) - 1 - best >= patience:
        run.model.load_state_dict(run.best)
        run.stopped = "early"


@contextlib.contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or the kernel's interrupt has come, asked between two steps; a second one interrupts at once."""
    presses = 0

    def note(number: int, frame: Any) -> None:
        nonlocal presses
        presses += 1
        if presses == 2:
            raise KeyboardInterrupt

    def asked() -> bool:
        nonlocal presses
        presses += presses == 1  # answered: a second press must not disturb the run while it is put in order
        return presses > 0

    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        yield asked
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _check_settings(batch_size: int, learning_rate: float, beta: float) -> None:
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number, 1 or more, not {batch_size!r}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a positive number, not {learning_rate!r}")
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta must be a number, 0 or more, not {beta!r}")


def _check_run(run: Run) -> None:
    """Raise ValueError if what a file gave does not fit together: moments, best parameters and history."""
    for parameter in run.model.parameters():
        moments = run.optimizer.state.get(parameter, {})
        wanted = dict(step=(), exp_avg=parameter.shape, exp_avg_sq=parameter.shape)
        if _shapes(moments) != (wanted if run.epoch and parameter.requires_grad else {}):
            raise ValueError("the optimizer's moments are not the model's")
    if run.best is not None and _shapes(run.best) != _shapes(run.model.state_dict()):
        raise ValueError("the best parameters are not the model's")
    lengths = {name: len(values) for name, values in vars(run.history).items()}
    if any(n > run.epoch or (name.startswith("train") and n < run.epoch) for name, n in lengths.items()):
        raise ValueError("the history's lists differ in length")


def _shapes(parameters: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in parameters.items()}


def _check_images(name: str, images: Tensor, model: VAE) -> None:
    if images.shape[1:] != model.image_shape or len(images) == 0:
        raise ValueError(f"{name} must have shape (n, *{model.image_shape}) with n > 0, not {tuple(images.shape)}")
    if not ((images >= 0) & (images <= 1)).all():  # false for NaN too
        raise ValueError(f"{name} must lie in [0, 1]")
