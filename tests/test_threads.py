"""A training step takes one thread while other programs want the cores, and gives the others back."""

import pytest
import torch

from vae_lesson import threads
from vae_lesson.threads import Reading, considerate_threads, free_cores


def test_free_cores_counts_only_the_others():
    before = Reading(clock=10.0, busy=100.0, own=5.0)
    assert free_cores(before, Reading(12.0, 104.0, 9.0), cores=4) == 4  # 4 seconds of work, all of it ours
    assert free_cores(before, Reading(12.0, 104.0, 7.0), cores=4) == 3  # 2 of them another program's
    assert free_cores(before, Reading(12.0, 108.0, 5.0), cores=4) == 0
    assert free_cores(before, Reading(12.0, 100.0, 5.1), cores=2) == 2  # clocks that disagree free no third core


@pytest.fixture
def machine(monkeypatch):
    """A machine with two cores and torch on two threads; `others` is how many cores other programs keep busy."""

    class Machine:
        others, clock, busy, own = 0.0, 0.0, 0.0, 0.0

        def read(self):
            self.clock += 1.0
            self.own += 1.5
            self.busy += 1.5 + self.others
            return Reading(self.clock, self.busy, self.own)

    machine = Machine()
    monkeypatch.setattr(threads.Reading, "now", machine.read)
    monkeypatch.setattr(threads.psutil, "cpu_count", lambda: 2)
    monkeypatch.setattr(threads.time, "sleep", lambda seconds: None)
    torch.set_num_threads(2)
    yield machine
    torch.set_num_threads(1)


def test_takes_all_when_idle_and_one_when_busy(machine):
    with considerate_threads() as look:
        assert torch.get_num_threads() == 2
        machine.others = 1.2
        look()
        assert torch.get_num_threads() == 1
        machine.others = 0.1
        look()
        assert torch.get_num_threads() == 2


def test_gives_the_threads_back_whatever_happens(machine):
    machine.others = 2.0
    with pytest.raises(KeyboardInterrupt), considerate_threads():
        assert torch.get_num_threads() == 1
        raise KeyboardInterrupt
    assert torch.get_num_threads() == 2


def test_never_takes_more_than_it_was_given(machine):
    torch.set_num_threads(1)
    with considerate_threads() as look:
        look()
        assert torch.get_num_threads() == 1
