"""Ctrl-C, SIGTERM and kill -9 at random moments of training, in a real kernel and from the command line: no epoch lost.

What training does of itself when it is stopped at each step, in each call, is in tests/test_train.py.
"""

import os
import random
import signal
import subprocess
import sys
import time
from queue import Empty

import pytest
import torch
from jupyter_client.manager import start_new_kernel

from vae_lesson.__main__ import main
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.train import train

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

CHANCE = 0  # the seed of every random moment
ONE_THREAD = dict(OMP_NUM_THREADS="1")  # bit for bit the same, as long as there are as many
LONG = 10**6  # epochs: more than anybody waits for


def same(a, b):
    """Whether two runs' states are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def wait_until(true):
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "nothing came in two minutes"
        time.sleep(0.002)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# in a kernel

OPENING = """
import torch
from vae_lesson.model import VAE
from vae_lesson.train import train

def go_on(run, epochs, path):
    return train(run, images, images[:50], epochs=epochs, batch_size=32, checkpoint=path, progress=False, device="cpu")

torch.set_num_threads(1)
torch.manual_seed(0)
run = VAE(2, (16, 8), image_shape=(4, 4))
images = torch.rand(200, 4, 4, generator=torch.Generator().manual_seed(1))
"""


class Kernel:
    """A kernel as a notebook has it: cells in, what they print and how they end out."""

    def __init__(self, folder):
        self.manager, self.client = start_new_kernel(cwd=folder, env=os.environ | ONE_THREAD)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def start(self, cell):
        """Start a cell and don't wait for it."""
        return self.client.execute(cell)

    def answer(self, message):
        """How the cell ended: "ok" or the error's name; and what it printed."""
        reply = self._next(self.client.get_shell_msg, message)["content"]
        printed, state = "", ""
        while state != "idle":
            said = self._next(self.client.get_iopub_msg, message)["content"]
            printed += said.get("text", "")
            state = said.get("execution_state", "")
        return reply.get("ename", reply["status"]), printed + reply.get("evalue", "")

    def _next(self, channel, message):
        """The next word about a cell; others, such as late answers to the kernel's first greetings, are passed over."""
        while True:
            said = channel(timeout=120)
            if said["parent_header"].get("msg_id") == message:
                return said

    def run(self, cell):
        ended, printed = self.answer(self.start(cell))
        assert ended == "ok", f"{ended}: {printed}"
        return printed.strip()


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path)
    try:
        kernel.run(OPENING)
        yield kernel
    finally:
        kernel.close()


def test_interrupts_in_a_kernel(kernel, tmp_path, whole, figure):
    """The button of a notebook, once or twice, at random moments; each cell goes on with what the last one returned."""
    presses, chance, path = 20 if whole else 6, random.Random(CHANCE), tmp_path / "run.pt"
    alive = returned = loaded = 0
    for n in range(presses):
        times = 1 + n % 2
        if times == 2:   # so that there is a run to look at even where the second press ends the cell itself
            kernel.run("before = run")
        cell = kernel.start(f"run = go_on(run, {LONG}, 'run.pt')")
        wait_until((tmp_path / ".run.pt.lock").exists)   # it trains
        time.sleep(chance.uniform(0, 0.3))
        for _ in range(times):
            kernel.manager.interrupt_kernel()
            time.sleep(chance.uniform(0, 0.002))
        try:
            ended, _ = kernel.answer(cell)
        except Empty:   # the second press found the cell done and its answer on the way, which ipykernel drops
            ended = "no answer"
        assert ended == "ok" or (times == 2 and ended in ("KeyboardInterrupt", "no answer"))
        alive += kernel.manager.is_alive()
        stopped, epoch = kernel.run("print(run.stopped, run.epoch)").split()
        returned += stopped == "interrupted"
        saved = Run.load(path, "cpu").epoch   # a second press may come while it is written
        loaded += saved in (int(epoch), int(epoch) - 1)
        assert set(names(tmp_path)) == {"run.pt"}
    epochs = int(epoch) + 2
    kernel.run(f"run = go_on(run, {epochs}, 'run.pt')")

    torch.manual_seed(0)
    images = torch.rand(200, 4, 4, generator=torch.Generator().manual_seed(1))
    model, settings = VAE(2, (16, 8), image_shape=(4, 4)), dict(batch_size=32, progress=False, device="cpu")
    uninterrupted = train(model, images, images[:50], epochs=epochs, **settings)
    equal = same(Run.load(path, "cpu").state(), uninterrupted.state())
    figure("interrupts in a kernel, every second one twice", "the kernel lives", f"{alive} of {presses}")
    figure("  the partial run", "is returned, and its checkpoint loads", f"{returned} and {loaded} of {presses}")
    figure("  going on to the end", "bit for bit the uninterrupted run", f"{equal}, {epochs:,} epochs")
    assert (alive, returned, loaded) == (presses,) * 3
    assert equal


def test_a_kernel_that_is_shut_down(kernel, tmp_path, figure):
    """SIGTERM ends a kernel, and training with it: what it had written is whole."""
    kernel.start(f"run = go_on(run, {LONG}, 'run.pt')")
    path = tmp_path / "run.pt"
    wait_until(lambda: path.exists() and Run.load(path, "cpu").epoch > 1)
    epoch = Run.load(path, "cpu").epoch
    os.kill(kernel.manager.provisioner.pid, signal.SIGTERM)
    wait_until(lambda: not kernel.manager.is_alive())
    found = Run.load(path, "cpu")
    figure("SIGTERM to a kernel", "its checkpoint loads", f"epoch {found.epoch}, seen before: {epoch}")
    assert found.epoch >= epoch


# from the command line

COMMAND = ["train", "--hidden", "8", "--batch-size", "500", "--device", "cpu", "--resume"]
STOPS = {  # signals, and the exit code
    "SIGINT": ([signal.SIGINT], 130),
    "SIGTERM": ([signal.SIGTERM], 143),
    "SIGKILL": ([signal.SIGKILL], -9),
    "SIGINT twice": ([signal.SIGINT] * 2, 130),
}


def test_stops_from_the_command_line(tmp_path, whole, figure, capsys):
    """One training run, stopped and resumed time and again, in every way that a process can be told to end."""
    path, chance, times = tmp_path / "run.pt", random.Random(CHANCE), 5 if whole else 1
    codes, epoch, loaded = {name: [] for name in STOPS}, 0, 0
    for name, (signals, _) in [*STOPS.items()] * times:
        arguments = [sys.executable, "-m", "vae_lesson", *COMMAND, "--epochs", str(LONG), "--save", str(path)]
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )
        try:
            first = path.stat().st_mtime_ns if path.exists() else None
            wait_until(lambda first=first: path.exists() and path.stat().st_mtime_ns != first)   # it trains
            time.sleep(chance.uniform(0, 0.5))
            seen = Run.load(path, "cpu").epoch
            for number in signals:
                process.send_signal(number)
                time.sleep(chance.uniform(0, 0.002))
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        codes[name].append(process.returncode)
        loaded += max(seen, epoch) <= Run.load(path, "cpu").epoch < LONG
        epoch = Run.load(path, "cpu").epoch
        if name in ("SIGINT", "SIGTERM"):
            assert f"interrupted after epoch {epoch}: held-out ELBO" in out and "Traceback" not in err
            assert names(tmp_path) == ["run.pt"]
    whole_run = tmp_path / "whole.pt"
    for file in (path, whole_run):
        assert main([*COMMAND, "--epochs", str(epoch + 2), "--save", str(file)]) == 0
    capsys.readouterr()
    equal = same(Run.load(path, "cpu").state(), Run.load(whole_run, "cpu").state())
    stops = times * len(STOPS)
    figure("train ended by SIGINT, SIGTERM, SIGKILL, SIGINT twice", "its checkpoint loads", f"{loaded} of {stops}")
    figure("  exit codes", "130, 143, -9, 130", ", ".join(str(*{*c}) for c in codes.values()))
    figure("  resumed to the end", "bit for bit the uninterrupted run", f"{equal}, {epoch + 2:,} epochs")
    assert loaded == stops
    assert codes == {name: [code] * times for name, (_, code) in STOPS.items()}
    assert equal
    assert names(tmp_path) == ["run.pt", "whole.pt"]


IGNORED = """
import os, signal, sys
from vae_lesson import __main__ as command

signal.signal(signal.SIGINT, signal.SIG_IGN)
command.run_train = lambda arguments: os.kill(os.getpid(), signal.SIGTERM) or 0
sys.exit(command.main(["train"]))
"""


def test_sigterm_where_ctrl_c_is_ignored():
    """A shell's background job ignores Ctrl-C, and a scheduler ends it by SIGTERM, perhaps before it began to train."""
    assert subprocess.run([sys.executable, "-c", IGNORED], timeout=60).returncode == 143
