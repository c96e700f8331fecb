"""Two processes train what one would have trained; only the first writes and speaks."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from torch.testing import assert_close

from vae_lesson import __main__ as command_line
from vae_lesson import distributed
from vae_lesson.distributed import Group
from vae_lesson.run import Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun on Windows needs a build with libuv")
PROGRAM = """
import json, sys, torch
from vae_lesson.distributed import together
from vae_lesson.model import VAE
from vae_lesson.train import train
settings = json.loads(sys.argv[2])
torch.set_num_threads(1)
images = torch.rand(101, 4, 4, generator=torch.Generator().manual_seed(1)).round()
with together("cpu") as group:
    torch.manual_seed(3 + group.rank)  # the first process's weights are everyone's
    model = VAE(2, (8,), image_shape=(4, 4))
    train(model, images[:81], images[81:], epochs=3, device="cpu", checkpoint=sys.argv[1], progress=False, **settings)
"""


def command(processes: int, *arguments: str) -> list[str]:
    """What runs a program in so many processes of torchrun, or by Python alone in one."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    return [sys.executable, *start, *arguments]


def launch(processes: int, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Run it to its end."""
    return subprocess.run(command(processes, *arguments), capture_output=True, text=True, timeout=300, **options)


@pytest.mark.parametrize(
    "settings",
    [
        dict(batch_size=16),  # the last batch has one image: nothing is left for the second process
        dict(batch_size=27, beta=0.5),
        dict(batch_size=20, k=3),
    ],
    ids=str,
)
def test_two_processes_make_the_run_of_one(tmp_path, settings):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    runs = []
    for processes in (1, 2):
        path = tmp_path / f"{processes}.pt"
        done = launch(processes, str(program), str(path), json.dumps(settings))
        assert done.returncode == 0, done.stderr
        runs.append(Run.load(path, "cpu"))
    one, two = runs
    assert one.epoch == two.epoch == 3
    for name, values in vars(one.history).items():
        assert_close(vars(two.history)[name], values, rtol=1e-5, atol=1e-5)
    for name, parameter in one.model.state_dict().items():
        assert_close(two.model.state_dict()[name], parameter, rtol=1e-4, atol=1e-5)
    assert torch.equal(one.generator.get_state(), two.generator.get_state())


def test_the_command_under_torchrun_speaks_once_and_resumes(tmp_path):
    train = ["-m", "vae_lesson", "train", "--hidden", "8", "--device", "cpu", "--save", str(tmp_path / "digits.pt")]
    first = launch(2, *train, "--epochs", "1", cwd=Path(__file__).parent)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("finished after epoch 1") == first.stdout.count("saved:") == 1
    again = launch(2, *train, "--resume", "--epochs", "2", cwd=Path(__file__).parent)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("going on after epoch 1") == again.stdout.count("finished after epoch 2") == 1
    assert Run.load(tmp_path / "digits.pt", "cpu").epoch == 2
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pt"] == ["digits.pt"]


def test_a_stop_of_one_process_stops_all_at_one_step(tmp_path):
    path = tmp_path / "digits.pt"
    train = ["-m", "vae_lesson", "train", "--epochs", "99999", "--hidden", "8", "--device", "cpu", "--save", str(path)]
    with subprocess.Popen(command(2, *train), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as torchrun:
        try:
            end = time.monotonic() + 300
            while not (path.exists() and Run.load(path, "cpu").epoch) and time.monotonic() < end:
                time.sleep(0.05)
            workers = psutil.Process(torchrun.pid).children()
            (second,) = (worker for worker in workers if worker.environ().get("RANK") == "1")
            second.terminate()
            said = torchrun.communicate(timeout=300)[1]
        finally:
            torchrun.kill()
    assert torchrun.returncode != 0 and Run.load(path, "cpu").epoch > 0
    assert "RuntimeError" not in said   # the first process did not wait for one that had gone


@pytest.mark.parametrize("size, asked, wanted", [(1, "auto", "auto"), (2, "auto", "cpu"), (2, "mps", "mps")])
def test_several_processes_without_cuda_choose_the_cpu(size, asked, wanted, monkeypatch):
    taken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(distributed, "together", lambda device: contextlib.nullcontext(Group(0, size)))
    monkeypatch.setattr(command_line, "_train", lambda arguments, group: taken.append(arguments.device) or 0)
    assert command_line.main(["train", "--device", asked]) == 0 and taken == [wanted]


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in dict(TORCHELASTIC_RUN_ID="none", LOCAL_RANK="2").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="no GPU is left for process 3 here: start at most 2, or add --device cpu"):
        with distributed.together("auto"):
            pass


def test_shares_are_disjoint_and_whole():
    for n in (0, 1, 5, 8):
        shares = [list(range(n))[Group(rank, 3).share(n)] for rank in range(3)]
        assert sorted(i for share in shares for i in share) == list(range(n))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
