"""A training run between two epochs: the model and all that going on needs, in memory or on disk."""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae_lesson import checkpoint
from vae_lesson.checkpoint import CheckpointError
from vae_lesson.device import pick_device
from vae_lesson.model import VAE
from vae_lesson.schedule import SCHEDULES

PRECISIONS = ("highest", "high", "medium")  # of matrix products: float32, TF32 (GPUs), bfloat16


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
        settings: batch_size, learning_rate, schedule, beta, k, precision.
        best: with held-out images, the parameters at the best held-out ELBO so far.
        stopped: "" while running, then "finished", "interrupted" or "early".
    """

    model: VAE
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    settings: dict[str, Any]
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
        """Go back to a state that `state` gave, which is then the run's own; optimizer and model keep their device."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.history = History(**state["history"])
        self.best = state["best"]

    def settle(self) -> None:
        """Set to zero what has faded in Adam's moments: no parameter moves by it, but it would slow a CPU.

        The mean gradient of a weight that gets none any more (a dead unit's, a dark pixel's) shrinks by a tenth a step,
        below the smallest normal float, and stays there: arithmetic on such numbers takes many times longer.
        """
        for moments in self.optimizer.state.values():
            for moment in (moments["exp_avg"], moments["exp_avg_sq"]):
                moment.masked_fill_(moment.abs() < torch.finfo(moment.dtype).tiny, 0)

    def save(self, path: str | Path) -> None:
        """Write the run to a checkpoint file; raises CheckpointError."""
        checkpoint.save(path, self.state())

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = None) -> "Run":
        """Read a run from a checkpoint file, whole and checked; raises CheckpointError."""
        state, device = checkpoint.load(path), pick_device(device)
        try:
            if len(state["config"]["hidden"]) > len(state["model"]):
                raise ValueError("more layers than parameters")
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
        cls,
        model: VAE,
        *,
        batch_size: int,
        learning_rate: float,
        beta: float,
        seed: int,
        k: int = 1,
        precision: str = "highest",
        schedule: str = "constant",
        device: str | torch.device | None = None,
    ) -> "Run":
        """A run before its first epoch."""
        settings: dict[str, Any] = dict(
            batch_size=batch_size, learning_rate=learning_rate, schedule=schedule, beta=beta, k=k, precision=precision
        )
        _check_settings(**settings)
        model.to(pick_device(device))
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
        for parameter in filter(lambda p: p.requires_grad, model.parameters()):
            # What Adam makes in its first step, now: a run's first file is then as large as all that follow.
            optimizer.state[parameter] = dict(
                step=torch.zeros((), dtype=torch.float32, device=parameter.device),
                exp_avg=torch.zeros_like(parameter),
                exp_avg_sq=torch.zeros_like(parameter),
            )
        return cls(model, optimizer, torch.Generator().manual_seed(seed), settings)


def _check_settings(
    batch_size: int, learning_rate: float, schedule: str, beta: float, k: int, precision: str
) -> None:
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number, 1 or more, not {batch_size!r}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a positive number, not {learning_rate!r}")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {SCHEDULES}, not {schedule!r}")
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta must be a number, 0 or more, not {beta!r}")
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"k must be a whole number, 1 or more, not {k!r}")
    if k > 1 and beta != 1:
        raise ValueError(f"beta must be 1 where k is more than 1, not {beta!r}: only the ELBO has a rate")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, not {precision!r}")


def _check_run(run: Run) -> None:
    """Raise ValueError if what a file gave does not fit together: parameters, moments, best parameters and history."""
    kinds = {parameter.dtype for parameter in run.model.parameters()}
    if len(kinds) > 1 or not all(kind.is_floating_point for kind in kinds):
        raise ValueError("the parameters are not of one type of real numbers")
    for parameter in run.model.parameters():
        moments = run.optimizer.state.get(parameter, {})
        like = (parameter.shape, parameter.dtype)
        wanted = dict(step=((), torch.float32), exp_avg=like, exp_avg_sq=like) if parameter.requires_grad else {}
        if _shapes(moments) != wanted:
            raise ValueError("the optimizer's moments are not the model's")
    if run.best is not None and _shapes(run.best) != _shapes(run.model.state_dict()):
        raise ValueError("the best parameters are not the model's")
    histories = vars(run.history).items()
    lengths = {name: len(values) for name, values in histories}
    if any(n > run.epoch or (name.startswith("train") and n < run.epoch) for name, n in lengths.items()):
        raise ValueError("the history's lists differ in length")
    if not all(isinstance(value, int | float) for _, values in histories for value in values):
        raise ValueError("the history holds more than numbers")


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in tensors.items()}
