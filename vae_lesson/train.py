"""Training a VAE: the loop of 08_train with what a long run needs: progress, going on, no lost work."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vae_lesson import checkpoint
from vae_lesson.distributed import Group
from vae_lesson.evaluate import evaluate
from vae_lesson.lock import only_writer
from vae_lesson.model import VAE
from vae_lesson.run import History, Run
from vae_lesson.schedule import one_cycle
from vae_lesson.step import Step, stepping
from vae_lesson.threads import considerate_threads

SETTLE_EVERY = 100  # steps


class NonFiniteLoss(ArithmeticError):
    """The loss became infinite or not a number; the model is back at the last epoch that was well."""


def train(
    model: VAE | Run,
    images: Tensor,
    held_out: Tensor | None = None,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    schedule: str = "constant",
    beta: float = 1.0,
    k: int = 1,
    precision: str = "highest",
    seed: int = 0,
    device: str | torch.device | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    on_epoch: Callable[[Run], None] | None = None,
    progress: bool = True,
) -> Run:
    """Maximize the mean ELBO of images over the parameters of model, in place.

    Ctrl-C, or the kernel's interrupt button, ends it after the last whole epoch and returns the run; `train(run, ...)`
    goes on from there as if it had never been stopped: on a CPU bit for bit, as long as torch uses as many threads, for
    that number can change the last digit of a sum. On a busy machine a run uses one (vae_lesson.threads).

    Called in each of several processes within `vae_lesson.distributed.together`, it trains one model in all of them,
    each on its share of every batch; the first writes the checkpoint.

    Args:
        model: a VAE, or a Run to go on with (its own batch_size, learning_rate, schedule, beta, k, precision, seed and
            device then hold).
        images: training images, pixels in [0, 1], shape (n, *image_shape); a Bernoulli likelihood sees them binarized
            anew at each step (dynamic binarization).
        held_out: images to measure on after each epoch, shape (m, *image_shape).
        epochs: passes over the images in all, those of the Run that it goes on with included.
        batch_size: images a step.
        learning_rate: Adam's, or the highest in the course of the run, see schedule.
        schedule: "constant", or "one-cycle": in each epoch learning_rate * one_cycle(epoch, epochs), which rises, then
            falls until the last of all epochs. Where few epochs have to do, this ends at a better bound. A Run
            that goes on to more epochs than it began with takes up the longer cycle.
        beta: weight of the rate in the loss, distortion + beta * rate; 1 is the ELBO (beta-VAE: Higgins et al. 2017).
        k: samples of q(z|x) an image: 1 maximizes the ELBO, more the K-sample bound (with beta 1 only).
        precision: of a step's matrix products, as in torch.set_float32_matmul_precision: "medium" allows bfloat16
            for what enters and leaves them, faster where the processor knows it; parameters and all else stay float32.
        seed: of the order of images, their pixels and the samples of q(z|x); an NVIDIA GPU draws other pixels and
            samples from it than a CPU.
        device: see `pick_device`.
        patience: end early when the held-out ELBO has not risen for so many epochs, and return the best parameters.
        checkpoint: a file that is written at the start and after each epoch, by one run at a time.
        on_epoch: called with the Run after each epoch, in every process.
        progress: show a bar with the time left.

    Returns:
        The Run; run.history holds the figures and run.stopped why it ended.

    Raises:
        ValueError: an argument is not of the kind above.
        NonFiniteLoss: a term of the loss was not finite; model and run are as at the last good epoch.
        CheckpointError: the checkpoint can't be written, or another run is writing it.

    Source: Kingma & Welling (2014), algorithm 1, with Adam (Kingma & Ba 2015); k: Burda et al. (2016); one-cycle: Smith
    & Topin (2018).
    """
    run = model if isinstance(model, Run) else Run.start(
        model, seed=seed, device=device, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule,
        beta=beta, k=k, precision=precision,
    )
    _check_images("images", images, run.model)
    if held_out is not None:
        _check_images("held_out", held_out, run.model)
    if not isinstance(epochs, int) or epochs < 0:
        raise ValueError(f"epochs must be a whole number, 0 or more, not {epochs!r}")
    if patience is not None and (held_out is None or patience < 1):
        raise ValueError(f"patience must be 1 or more, and needs held_out images; got {patience!r}")
    parameter = next(run.model.parameters())
    images, held_out = images.to(parameter), None if held_out is None else held_out.to(parameter)

    group = Group.joined()
    file = checkpoint if group.leads else None
    step = stepping(run, group)
    run.stopped = ""
    if held_out is not None and run.best is None:
        run.best = deepcopy(run.model.state_dict())  # so far
    with _stop_requests() as asked, only_writer(file):
        try:
            if file is not None:  # twice, as at each epoch the new file will lie beside the old one for a moment:
                run.save(file)  # a full disk or a wrong folder is better met now than after the first epoch
                run.save(file)
            bar = tqdm(total=epochs, initial=run.epoch, unit="epoch", disable=not (progress and group.leads))
            with bar, considerate_threads() as look:
                while run.epoch < epochs and not run.stopped:
                    look()
                    _whole_epoch(run, epochs, images, held_out, patience, step, asked)
                    if file is not None:
                        run.save(file)
                    if on_epoch is not None:
                        on_epoch(run)
                    bar.set_postfix_str(f"ELBO {_last_elbo(run.history):.1f} nats", refresh=False)
                    bar.update()
        except KeyboardInterrupt:
            run.stopped = "interrupted"
    run.stopped = run.stopped or "finished"
    return run


def _whole_epoch(
    run: Run,
    epochs: int,
    images: Tensor,
    held_out: Tensor | None,
    patience: int | None,
    step: Step,
    asked: Callable[[], bool],
) -> None:
    """One epoch, or none of it: whatever ends it half-way (Ctrl-C, a bad loss, no memory) leaves the run as it was."""
    good = run.state()
    try:
        if run.settings["schedule"] == "one-cycle":
            for group in run.optimizer.param_groups:
                group["lr"] = run.settings["learning_rate"] * one_cycle(run.epoch, epochs)
        _epoch(run, images, held_out, step, asked)
        if held_out is not None:
            _note_best(run, patience)
    except BaseException:
        run.restore(good)
        raise


def _epoch(run: Run, images: Tensor, held_out: Tensor | None, step: Step, asked: Callable[[], bool]) -> None:
    """One pass over the images and the entry in the history; KeyboardInterrupt between two steps if asked to stop."""
    model, optimizer, group = run.model, run.optimizer, Group.joined()
    order = torch.randperm(len(images), generator=run.generator, device="cpu")
    batches = order.to(images.device).split(run.settings["batch_size"])
    terms = torch.zeros(len(batches), 2, device=images.device)
    for number, batch in enumerate(batches):
        if group.any(asked(), images.device):
            raise KeyboardInterrupt
        if (run.epoch * len(batches) + number) % SETTLE_EVERY == 0 and images.device.type == "cpu":
            run.settle()
        terms[number] = step(images.index_select(0, batch))
    group.total(terms)

    # Looked at once an epoch: a look at each step would make a GPU wait.
    terms = terms.cpu().double()
    for number, finite in enumerate(terms.isfinite().tolist()):
        for term, good in zip(("rate", "distortion"), finite, strict=True):
            if not good:
                raise NonFiniteLoss(f"the {term} is not finite at {_where(run, number)}: lower the learning rate")
    if not checkpoint.all_finite([model.state_dict(), optimizer.state_dict()]):
        raise NonFiniteLoss(f"the gradient is not finite at {_where(run, len(batches) - 1)}: lower the learning rate")
    # What the last step made is judged too; evaluate has its own noise, the same after each epoch.
    score = group.leaders(evaluate(model, images[batch] if held_out is None else held_out))
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
        for name in ("elbo", "rate", "distortion"):
            getattr(history, f"held_{name}").append(getattr(score, name))


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
    elif patience is not None and len(held) - 1 - best >= patience and run.best is not None:
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


def _check_images(name: str, images: Tensor, model: VAE) -> None:
    if images.shape[1:] != model.image_shape or len(images) == 0:
        raise ValueError(f"{name} must have shape (n, *{model.image_shape}) with n > 0, not {tuple(images.shape)}")
    low, high = images.aminmax()
    if not (low >= 0 and high <= 1):  # false for NaN too
        raise ValueError(f"{name} must lie in [0, 1]")
