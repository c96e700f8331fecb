"""A step of training recorded as one CUDA graph: a GPU then gets one order where Python gave it a hundred."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3  # calls on a stream of their own, which torch's documentation asks for before a recording
CLOSE = 1e-4  # of a tensor's largest entry: how far a recording may be from what it records


class Captured:
    """A function that takes a step of an optimizer on a GPU: recorded at its fourth call, replayed from the fifth on.

    The function draws nothing and looks at no value, so that it does the same work at each call. Shapes, and arguments
    that are no tensors, must be those of the first call; for others, such as an epoch's last and smaller batch, the
    function runs as it is. It does so for good, after a warning, if a recording fails, or does anything else to
    parameters and moments than the function does. Where a setting of the optimizer has changed, what a parameter asks
    for, or the tensors themselves, all begins anew.

    Args:
        function: (tensors and plain values) -> one tensor.
        optimizer: Adam, whose step the function takes.

    Source: Gray (2019), 'Getting started with CUDA graphs'; torch's documentation, 'Whole-network capture'.
    """

    def __init__(self, function: Callable[..., Tensor], optimizer: torch.optim.Optimizer):
        self.function, self.optimizer = function, optimizer
        self.replay: Callable[..., Tensor] | None = None
        self.kind: list[Any] = []
        self.fixed: list[Any] = []
        self.calls = 0

    def __call__(self, *given: Any) -> Tensor:
        kind = [one.shape if isinstance(one, Tensor) else one for one in given]
        fixed = self._fixed()
        if not same(fixed, self.fixed):
            self.fixed, self.kind, self.calls, self.replay = fixed, kind, 0, None
        if kind != self.kind:
            return self.function(*given)
        if self.replay is not None:
            return self.replay(*given)
        self.calls += 1
        return aside(self.function, given) if self.calls <= WARM_UP else self._record(given)

    def _record(self, given: tuple) -> Tensor:
        """Take the step, then record it, and believe the recording if it leads from the same start to the same end."""
        before = self._state()
        output = self.function(*given)
        after = self._state()
        self._put(before)
        for group in self.optimizer.param_groups:
            group["capturable"] = True
        try:
            replay = record(self.function, given)
            output_too = replay(*given)
            right = all(map(close, [output_too, *self._state()], [output, *after]))
            why = "it did not do what it records"
        except RuntimeError as error:
            right, why = False, str(error)
        finally:
            for group in self.optimizer.param_groups:
                group["capturable"] = False
        self._put(after)
        if not right:
            warnings.warn(f"training goes on without a CUDA graph: {why}", stacklevel=2)
        self.replay = replay if right else self.function
        return output

    def _fixed(self) -> list[Any]:
        """What a recording keeps as it was: tensors, a parameter's wish for a gradient, the learning rate and so on."""
        groups = self.optimizer.param_groups
        settings = [value for group in groups for name, value in group.items() if name != "params"]
        wishes = [parameter.requires_grad for group in groups for parameter in group["params"]]
        return [*self._tensors(), *settings, *wishes]

    def _tensors(self) -> list[Tensor]:
        state = self.optimizer.state
        return [*state] + [moment for moments in state.values() for moment in moments.values()]

    def _state(self) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in self._tensors()]

    def _put(self, state: list[Tensor]) -> None:
        with torch.no_grad():
            for tensor, value in zip(self._tensors(), state, strict=True):
                tensor.copy_(value)


def aside(function: Callable[..., Tensor], given: tuple) -> Tensor:
    """Call the function on another stream of the GPU, before and after which the current one waits."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        output = function(*given)
    torch.cuda.current_stream().wait_stream(stream)
    return output


def record(function: Callable[..., Tensor], given: tuple) -> Callable[..., Tensor]:
    """Record a call; what is returned does the same work again, on other values of the same shapes."""
    held = [one.clone() if isinstance(one, Tensor) else one for one in given]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
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
    """Whether two tensors are equal to rounding, beside the larger one's largest entry; NaN is close to nothing."""
    return bool((a - b).abs().max() <= CLOSE * b.abs().max())
