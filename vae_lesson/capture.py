"""A step of training recorded as one CUDA graph: a GPU then gets one order where Python gave it a hundred."""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

from vae_lesson.run import Run

WARM_UP = 3  # calls on a stream of their own, which torch's documentation asks for before a recording
CLOSE = 1e-4  # of a tensor's largest entry: how far a recording may be from what it records


class Captured:
    """A function that takes a step of a run on a GPU: its fourth call is recorded, from the fifth on that is replayed.

    Calls with other shapes, such as an epoch's last and smaller batch, or with other values that are no tensors, have
    recordings of their own. All are made anew when something has changed that a recording holds on to: the model's
    tensors, the optimizer, one of its settings, or what a parameter asks for. A recording that fails, or does anything
    else to parameters and moments than the function does, is not used: a warning says so, and the function goes on.

    Args:
        function: (tensors and plain values) -> one tensor. It draws nothing and looks at no value of a tensor, so that
            it does the same work at each call.
        run: what the function changes; its model is on the current GPU and has no hooks or layers of the reader's,
            whose Python a replay would leave out (`as_built`).

    Source: Gray (2019), 'Getting started with CUDA graphs'; torch's documentation, 'Whole-network capture'.
    """

    def __init__(self, function: Callable[..., Tensor], run: Run):
        self.function, self.run = function, run
        self.held: list[Any] = []
        self.calls: Counter[Hashable] = Counter()
        self.replays: dict[Hashable, Callable[..., Tensor]] = {}

    def __call__(self, *given: Any) -> Tensor:
        held = self._held()
        if not same(held, self.held):
            self.held = held
            self.replays.clear()
        kind = tuple(one.shape if isinstance(one, Tensor) else one for one in given)
        if kind in self.replays:
            return self.replays[kind](*given)
        self.calls[kind] += 1
        return aside(self.function, given) if self.calls[kind] <= WARM_UP else self._record(kind, given)

    def _record(self, kind: Hashable, given: tuple) -> Tensor:
        """Take the step, then record it, and believe the recording if it leads from the same start to the same end."""
        optimizer = self.run.optimizer
        before = self._state()
        output = self.function(*given)
        if not same(self._held(), self.held):
            return output  # Adam has only now made the moments of a parameter that learns again
        after = self._state()
        for group in optimizer.param_groups:
            group["capturable"] = True
        try:
            replay = record(self.function, given)
            self._put(before)
            output_too = replay(*given)
            right = all(map(close, [output_too, *self._state()], [output, *after]))
            why = "it did not do what it records"
        except RuntimeError as error:
            right, why = False, str(error)
        finally:
            for group in optimizer.param_groups:
                group["capturable"] = False
        self._put(after)
        if not right:
            warnings.warn(f"training goes on without a CUDA graph: {why}", stacklevel=2)
        self.replays[kind] = replay if right else self.function
        return output

    def _held(self) -> list[Any]:
        """What a recording holds on to: tensors and where they lie, the optimizer and its settings."""
        model, optimizer = self.run.model, self.run.optimizer
        tensors = [*model.parameters(), *model.buffers(), *self._moments()]
        places = [(one.data_ptr(), one.dtype, one.requires_grad) for one in tensors]
        settings = [value for group in optimizer.param_groups for name, value in group.items() if name != "params"]
        return [optimizer, *tensors, *places, *settings]

    def _moments(self) -> list[Tensor]:
        return [moment for moments in self.run.optimizer.state.values() for moment in moments.values()]

    def _changed(self) -> list[Tensor]:
        """What a step changes."""
        return [*self.run.model.parameters(), *self._moments()]

    def _state(self) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in self._changed()]

    def _put(self, state: list[Tensor]) -> None:
        with torch.no_grad():
            for tensor, value in zip(self._changed(), state, strict=True):
                tensor.copy_(value)


def aside(function: Callable[..., Tensor], given: tuple) -> Tensor:
    """Call the function on another stream of the GPU, before and after which the current one waits."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    try:
        with torch.cuda.stream(stream):
            return function(*given)
    finally:
        torch.cuda.current_stream().wait_stream(stream)


def record(function: Callable[..., Tensor], given: tuple) -> Callable[..., Tensor]:
    """Record a call; what is returned does the same work again, on other values of the same shapes."""
    held = [one.clone() if isinstance(one, Tensor) else one for one in given]
    graph = torch.cuda.CUDAGraph()
    with (
        torch.cuda.stream(torch.cuda.current_stream()),  # comes back to it also from a recording that fails
        torch.cuda.graph(graph, capture_error_mode="thread_local"),  # a widget's thread may use the GPU meanwhile
    ):
        output = function(*held)

    def replay(*values: Any) -> Tensor:
        for mine, value in zip(held, values, strict=True):
            if isinstance(mine, Tensor):
                mine.copy_(value, non_blocking=True)
        graph.replay()
        return output.clone()  # the next replay writes over it

    return replay


def same(some: list[Any], others: list[Any]) -> bool:
    """Whether two lists hold the same tensors, not only equal ones, and otherwise equal values."""
    pairs = zip(some, others, strict=False)
    return len(some) == len(others) and all(a is b or (not isinstance(a, Tensor) and a == b) for a, b in pairs)


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal to rounding, beside the second one's largest entry; NaN is close to nothing."""
    return bool((a - b).abs().max() <= CLOSE * b.abs().max())
