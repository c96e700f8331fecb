"""How many threads a training step may use: all while the cores are idle, one while other programs want them.

A step of a small net is a hundred short parallel pieces, and each waits for its slowest thread. If another program
holds a core, the waiting outweighs the gain: on two cores, one of them taken, a step by two threads took eight times
as long as on idle ones.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psutil
import torch

PAUSE = 0.1  # seconds


class Reading(NamedTuple):
    """Seconds: the clock, all cores' busy time, and this process's part of it."""

    clock: float
    busy: float
    own: float

    @classmethod
    def now(cls) -> "Reading":
        cores = psutil.cpu_times()
        return cls(time.monotonic(), cores.user + cores.system + getattr(cores, "nice", 0.0), time.process_time())


def free_cores(before: Reading, after: Reading, cores: int) -> float:
    """How many cores other programs left free between two readings, on average."""
    others = (after.busy - before.busy) - (after.own - before.own)
    return cores - max(0.0, others) / (after.clock - before.clock)


@contextlib.contextmanager
def considerate_threads(pause: float = PAUSE) -> Iterator[Callable[[], None]]:
    """Set torch's threads by what other programs leave free, and set them back at the end.

    Args:
        pause: seconds to watch the machine before the first decision; no later decision rests on less.

    Yields:
        A function to call now and then, which looks again. It never takes more threads than torch had.
    """
    allowed, cores = torch.get_num_threads(), psutil.cpu_count() or 1
    before = Reading.now()

    def look() -> None:
        nonlocal before
        after = Reading.now()
        if allowed > 1 and after.clock - before.clock >= pause:
            enough = free_cores(before, after, cores) > min(allowed, cores) - 0.5
            torch.set_num_threads(allowed if enough else 1)
            before = after

    if allowed > 1:
        time.sleep(pause)
        look()
    try:
        yield look
    finally:
        torch.set_num_threads(allowed)
