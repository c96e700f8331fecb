"""Checkpoints: what is written is read back, what was damaged or made by others is refused by one kind of error."""

import contextlib
import errno
import hashlib
import io
import math
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from copy import deepcopy

import pytest
import torch

from vae_lesson import checkpoint
from vae_lesson.checkpoint import MAGIC, CheckpointError
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.train import train

IMAGES = torch.rand(20, 3, 3, generator=torch.Generator().manual_seed(0))
CONTENT = dict(a=torch.arange(6.0).reshape(2, 3), b=[1, 2.5, "three", None, True], c=dict(d=(4, torch.tensor(5))))


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    model = VAE(2, (6, 5), "gaussian", image_shape=(3, 3))
    return train(model, IMAGES, IMAGES[:5], epochs=3, batch_size=8, progress=False, device="cpu")


def write(path, payload):
    """A file with the right first lines around any bytes: what a forger, or another version, would write."""
    path.write_bytes(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
    return path


def packed(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# round trip


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "folder" / "a.pt"
    checkpoint.save(path, CONTENT)
    found = checkpoint.load(path)
    assert torch.equal(found.pop("a"), CONTENT["a"]) and found == {name: CONTENT[name] for name in "bc"}
    checkpoint.save(path, dict(a=1))
    assert checkpoint.load(str(path)) == dict(a=1)
    assert names(path.parent) == ["a.pt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_like_any_other(tmp_path):
    """With the permissions that the reader's umask gives, so that it can be shared."""
    before = os.umask(0o022)
    try:
        checkpoint.save(tmp_path / "a.pt", CONTENT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.pt").stat().st_mode) == 0o644


# damage


def test_truncated_anywhere(run, tmp_path):
    run.save(tmp_path / "run.pt")
    whole = (tmp_path / "run.pt").read_bytes()
    cut = tmp_path / "cut.pt"
    for n in {*range(0, 120, 7), len(whole) - 1, *random.Random(0).sample(range(len(whole)), 80)}:
        cut.write_bytes(whole[:n])
        with pytest.raises(CheckpointError, match=r"cut.pt is (not a checkpoint|damaged)"):
            Run.load(cut)
    cut.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        Run.load(cut)
    cut.write_bytes(whole)
    Run.load(cut)


def test_one_bit_flipped_anywhere(run, tmp_path):
    run.save(tmp_path / "run.pt")
    whole = (tmp_path / "run.pt").read_bytes()
    chance, bad = random.Random(1), tmp_path / "bad.pt"
    for at in {*range(len(MAGIC) + 66), *chance.sample(range(len(whole)), 120)}:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << chance.randrange(8)
        bad.write_bytes(flipped)
        with pytest.raises(CheckpointError, match=r"bad.pt is (not a checkpoint|damaged)"):
            Run.load(bad)


def test_foreign_files(tmp_path):
    others = dict(empty=b"", text=b"hello\n", pickle=b"\x80\x04N.", torch=packed(CONTENT), html=b"<!doctype html>")
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name} is not a checkpoint of this course"):
            checkpoint.load(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"can't read checkpoint .*none.pt: No such file"):
        checkpoint.load(tmp_path / "none.pt")
    with pytest.raises(CheckpointError, match="can't read checkpoint"):
        checkpoint.load(tmp_path)


class Payload:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_no_code_runs(tmp_path):
    path = write(tmp_path / "evil.pt", packed(dict(model=Payload(tmp_path / "ran"))))
    with pytest.raises(CheckpointError, match=r"evil.pt holds more than tensors"):
        checkpoint.load(path)
    assert not (tmp_path / "ran").exists()
    torch.load(io.BytesIO(packed(Payload(tmp_path / "ran"))), weights_only=False)   # the payload does work
    assert (tmp_path / "ran").exists()


def test_odd_but_loadable_content(tmp_path):
    loop = []
    loop.append(loop)
    for content in (torch.zeros(3), [1], "text", 5, None):
        with pytest.raises(CheckpointError, match="not a training run"):
            checkpoint.load(write(tmp_path / "odd.pt", packed(content)))
    for content in (dict(a=loop), dict(a=torch.zeros(2, device="meta"))):
        with pytest.raises(CheckpointError):
            checkpoint.load(write(tmp_path / "odd.pt", packed(content)))
    with pytest.raises(CheckpointError):
        checkpoint.load(write(tmp_path / "odd.pt", b"not a zip file"))


@pytest.mark.parametrize("bad", [math.nan, math.inf, torch.tensor([0.0, math.nan]), torch.tensor(-math.inf)])
def test_numbers_that_are_not_finite_are_neither_saved_nor_loaded(bad, tmp_path):
    checkpoint.save(tmp_path / "a.pt", CONTENT)
    for content in (dict(a=bad), dict(a=[dict(b=(1, bad))])):
        with pytest.raises(CheckpointError, match="not finite"):
            checkpoint.save(tmp_path / "a.pt", content)
        with pytest.raises(CheckpointError, match="not finite"):
            checkpoint.load(write(tmp_path / "bad.pt", packed(content)))
    assert checkpoint.load(tmp_path / "a.pt")["b"] == CONTENT["b"]
    assert names(tmp_path) == ["a.pt", "bad.pt"]


# files that are whole, and yet no run of ours

WEIGHT = "encoder.0.weight"


def changes():
    """Name and change of a run's content."""
    yield "missing tensor", lambda c: c["model"].pop(WEIGHT)
    yield "extra tensor", lambda c: c["model"].update(more=torch.zeros(2))
    yield "misshapen tensor", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 8)})
    yield "tensor that would broadcast", lambda c: c["model"].update({WEIGHT: torch.zeros(1, 9)})
    yield "NaN tensor", lambda c: c["model"][WEIGHT].fill_(math.nan)
    yield "whole numbers", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 9, dtype=torch.int64)})
    yield "no tensor", lambda c: c["model"].update({WEIGHT: "zero"})
    yield "no parameters", lambda c: c.update(model=None)
    yield "another model", lambda c: c["config"].update(hidden=(6, 7))
    yield "another likelihood", lambda c: c["config"].update(likelihood="bernoulli")
    yield "unknown likelihood", lambda c: c["config"].update(likelihood="poisson")
    yield "unknown option", lambda c: c["config"].update(dropout=0.5)
    yield "giant", lambda c: c["config"].update(hidden=(10**9, 10**9))
    yield "no config", lambda c: c.pop("config")
    yield "moment missing", lambda c: c["optimizer"]["state"][2].pop("exp_avg")
    yield "moments missing", lambda c: c["optimizer"]["state"].pop(2)
    yield "all moments missing", lambda c: c["optimizer"]["state"].clear()
    yield "moment misshapen", lambda c: c["optimizer"]["state"][2].update(exp_avg_sq=torch.zeros(7))
    yield "moment extra", lambda c: c["optimizer"]["state"][2].update(more=torch.zeros(7))
    yield "moment infinite", lambda c: c["optimizer"]["state"][2]["exp_avg_sq"].fill_(math.inf)
    yield "no groups", lambda c: c["optimizer"].update(param_groups=[])
    yield "generator too short", lambda c: c.update(generator=torch.zeros(10, dtype=torch.uint8))
    yield "generator of floats", lambda c: c.update(generator=torch.zeros(5056))
    yield "best misshapen", lambda c: c["best"].update({WEIGHT: torch.zeros(1, 9)})
    yield "best missing", lambda c: c["best"].pop(WEIGHT)
    yield "best is a number", lambda c: c.update(best=3)
    yield "history too short", lambda c: c["history"]["train_elbo"].pop()
    yield "history too long", lambda c: c["history"]["held_elbo"].append(1.0)
    yield "history unknown", lambda c: c["history"].update(more=[])
    yield "history of numbers", lambda c: c["history"].update(epoch=3)
    yield "batch of none", lambda c: c["settings"].update(batch_size=0)
    yield "learning rate below zero", lambda c: c["settings"].update(learning_rate=-1.0)
    yield "setting unknown", lambda c: c["settings"].update(momentum=0.9)


@pytest.mark.parametrize("name", [name for name, _ in changes()])
def test_whole_files_that_are_no_run_of_ours(name, run, tmp_path):
    content = deepcopy(run.state())
    dict(changes())[name](content)
    with pytest.raises(CheckpointError, match=r"bad.pt (is of another version of this course|holds numbers)"):
        Run.load(write(tmp_path / "bad.pt", packed(content)), "cpu")


def places(content, path=()):
    """The path of every value within content."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_any_value_missing_or_replaced_is_one_kind_of_error(run, tmp_path):
    state, refused, all_places = run.state(), 0, list(places(run.state()))
    chance = random.Random(0)
    for *path, key in all_places:
        content = deepcopy(state)
        place = content
        for step in path:
            place = place[step]
        other = chance.choice([None, "x", -1, [], {}, torch.zeros(3), torch.zeros(0)])
        if other is None:
            del place[key]
        else:
            place[key] = other
        try:
            Run.load(write(tmp_path / "bad.pt", packed(content)), "cpu")
        except CheckpointError:
            refused += 1
    assert len(all_places) > 100 and refused > len(all_places) / 2


def test_device_that_is_not_here_is_not_the_files_fault(run, tmp_path):
    run.save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="device 'cuda:77' can't be used here") as caught:
        Run.load(tmp_path / "run.pt", "cuda:77")
    assert not isinstance(caught.value, CheckpointError)


# places that can't be written


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path, reason in (("file/run.pt", r"\w+"), ("folder", "[Dd]irectory"), ("n" * 300, "too long")):
        with pytest.raises(CheckpointError, match=rf"can't write checkpoint .*{path} \(0.0 MiB needed\): .*{reason}"):
            checkpoint.save(tmp_path / path, CONTENT)
    assert names(tmp_path) == ["file", "folder"] and not names(tmp_path / "folder")


def fails(code):
    def call(*arguments):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize(
    ("module", "call", "code"),
    [(os, "fsync", errno.ENOSPC), (os, "replace", errno.EACCES), ("builtins", "open", errno.EROFS)],
)
def test_old_file_stays_when_a_new_one_cannot_be_written(module, call, code, tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "a.pt", CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(f"builtins.{call}" if module == "builtins" else f"os.{call}", fails(code))
        with pytest.raises(CheckpointError, match=rf"a.pt \(0.0 MiB needed\): {os.strerror(code)}"):
            checkpoint.save(tmp_path / "a.pt", dict(a=1))
    assert names(tmp_path) == ["a.pt"] and checkpoint.load(tmp_path / "a.pt")["b"] == CONTENT["b"]


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 1 MiB where we may mount one, else a limit on the size of any file."""
    folder.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") and not subprocess.run(tmpfs, capture_output=True).returncode:
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk(tmp_path):
    small, big = dict(a=torch.zeros(100_000)), dict(a=torch.zeros(500_000))
    path = tmp_path / "disk" / "a.pt"
    with small_disk(path.parent):
        checkpoint.save(path, small)
        with pytest.raises(CheckpointError, match=r"a.pt \(1.9 MiB needed\): (No space left|File too large)"):
            checkpoint.save(path, big)
        assert checkpoint.load(path)["a"].shape == (100_000,)
        assert names(path.parent) == ["a.pt"]


# killed while writing

KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from vae_lesson import checkpoint

path, chance = Path(sys.argv[1]), random.Random(0)
tensors = [torch.zeros(8_192) for _ in range(40)]
checkpoint.save(path, dict(step=0, tensors=tensors))
announced, stale, seen = 0, 0, []
for _ in range(15):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        for step in range(announced + 1, 10**6):
            checkpoint.save(path, dict(step=step, tensors=tensors))
            os.write(write, f"{step}\\n".encode())
    os.close(write)
    first = os.read(read, 100)   # it is at work
    time.sleep(chance.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(read) as rest:
        announced = int((first.decode() + rest.read()).split()[-1])
    stale += len(list(path.parent.iterdir())) > 1
    found = checkpoint.load(path)["step"]
    assert announced <= found <= announced + 1, (announced, found)
    seen.append(found)
checkpoint.save(path, dict(step=-1))
assert [p.name for p in path.parent.iterdir()] == [path.name], list(path.parent.iterdir())
print(stale, "stale", seen)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_while_writing_at_random_moments(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "a.pt")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_killed_at_the_worst_moments(call, tmp_path):
    """Before the data is on the disk, and before it has its name: the old file holds, the next save sweeps the rest."""
    path = tmp_path / "[a].pt"
    checkpoint.save(path, dict(step=0))
    child = os.fork()
    if not child:
        setattr(os, call, lambda *arguments: os.kill(os.getpid(), signal.SIGKILL))
        checkpoint.save(path, dict(step=1))
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(names(tmp_path)) == 2 and checkpoint.load(path) == dict(step=0)
    checkpoint.save(path, dict(step=2))
    assert names(tmp_path) == ["[a].pt"] and checkpoint.load(path) == dict(step=2)


def test_another_files_temporaries_are_left_alone(tmp_path):
    """Someone may be writing run.pt while we write run."""
    others = [".run.pt.0123abcd.tmp", ".other.0123abcd.tmp", "run.0123abcd.tmp", ".run.tmp"]
    for name in [*others, ".run.0123abcd.tmp"]:
        (tmp_path / name).touch()
    checkpoint.save(tmp_path / "run", CONTENT)
    assert names(tmp_path) == sorted([*others, "run"])


def test_interrupted_while_writing(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "a.pt", dict(step=0))

    def pressed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", pressed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path / "a.pt", dict(step=1))
    assert names(tmp_path) == ["a.pt"] and checkpoint.load(tmp_path / "a.pt") == dict(step=0)
