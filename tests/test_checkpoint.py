"""Checkpoints: what is written is read back, and a file that can't be written or read is one kind of error.

Damage, forgery, kill -9, full disks and two trainers are in faults/test_checkpoint_faults.py.
"""

import errno
import hashlib
import io
import math
import os
import signal
import stat

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


# files of others


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


# killed while writing

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
