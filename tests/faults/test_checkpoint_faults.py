"""A checkpoint survives kill -9, damage, forgery, a full disk and a second trainer: it is whole, or it is refused."""

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import pickle
import random
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from copy import deepcopy

import pytest
import torch

from vae_lesson import checkpoint, lock
from vae_lesson.__main__ import main
from vae_lesson.checkpoint import MAGIC, CheckpointError
from vae_lesson.lock import only_writer
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.train import train

CHANCE = 0  # the seed of every random place and moment
HEADER = len(MAGIC) + 65


def make(*sizes, image_shape=(3, 3), likelihood="gaussian"):
    torch.manual_seed(0)
    return VAE(2, sizes, likelihood, image_shape=image_shape)


def fit(model, path=None, held_out=5, epochs=3, **settings):
    images = torch.rand(20, *(model.model if isinstance(model, Run) else model).image_shape)
    settings = dict(batch_size=8, progress=False, device="cpu", checkpoint=path) | settings
    return train(model, images, images[:held_out] if held_out else None, epochs=epochs, **settings)


@pytest.fixture(scope="module")
def run():
    return fit(make(6, 5))


@pytest.fixture(scope="module")
def smallest(tmp_path_factory):
    """The bytes of a checkpoint of the smallest of all models."""
    path = tmp_path_factory.mktemp("smallest") / "run.pt"
    torch.manual_seed(0)
    fit(VAE(1, (1,), "gaussian", image_shape=(1,)), path)
    return path.read_bytes()


def seal(path, payload):
    """A file whose hash is right, whatever bytes it holds: what a forger, or another version, would write."""
    path.write_bytes(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
    return path


def packed(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def outcome(path):
    """What reading a run ends in: "loaded", "CheckpointError", or whatever else."""
    try:
        loaded = Run.load(path, "cpu")
    except Exception as error:
        return type(error).__name__
    return "loaded" if checkpoint.all_finite(loaded.state()) else "not finite"


# killed while writing

KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from vae_lesson import checkpoint

path, kills, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
tensors = [torch.zeros(8_192) for _ in range(40)]
checkpoint.save(path, dict(step=0, tensors=tensors))
announced = stale = whole = swept = 0
for _ in range(kills):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        for step in range(announced + 1, 10**6):
            checkpoint.save(path, dict(step=step, tensors=tensors))
            os.write(write, f"{step}\\n".encode())
    os.close(write)
    first = os.read(read, 100)   # it is at work
    swept += len(list(path.parent.iterdir())) <= 2   # the file, and what is being written
    time.sleep(chance.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(read) as rest:
        announced = int((first.decode() + rest.read()).split()[-1])
    stale += len(list(path.parent.iterdir())) > 1
    whole += announced <= checkpoint.load(path)["step"] <= announced + 1
checkpoint.save(path, dict(step=-1))
swept += [p.name for p in path.parent.iterdir()] == [path.name]
print(whole, swept, stale)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_while_writing(tmp_path, whole, figure):
    kills = 200 if whole else 25
    script = [sys.executable, "-c", KILLED, str(tmp_path / "run.pt"), str(kills), str(CHANCE)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    loaded, swept, stale = map(int, done.stdout.split())
    found = f"{loaded} of {kills}; {stale} left a temporary file"
    figure("kill -9 while a checkpoint is written", "a whole one loads, at least the last announced", found)
    figure("  what the killed left", "swept by the next save", f"{swept - 1} of {kills}")
    assert loaded == kills and swept == kills + 1
    assert stale > 0   # some were hit in the middle indeed


# damage


def test_truncated_at_every_byte(smallest, tmp_path, whole, figure):
    places = [*range(HEADER), *range(HEADER, len(smallest), 1 if whole else 16), len(smallest) - 1]
    refused = 0
    for n in places:
        (tmp_path / "cut.pt").write_bytes(smallest[:n])
        refused += outcome(tmp_path / "cut.pt") == "CheckpointError"
    figure("a checkpoint cut short", "CheckpointError", f"{refused:,} of {len(places):,}")
    assert refused == len(places)
    (tmp_path / "long.pt").write_bytes(smallest + b"\0")
    with pytest.raises(CheckpointError, match=r"long.pt is damaged \(its SHA-256 differs\): restore a copy, or delete"):
        Run.load(tmp_path / "long.pt")
    (tmp_path / "whole.pt").write_bytes(smallest)
    assert outcome(tmp_path / "whole.pt") == "loaded"


def flipped(content, at, chance):
    damaged = bytearray(content)
    damaged[at] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def test_one_bit_flipped_in_every_byte(smallest, tmp_path, whole, figure):
    chance = random.Random(CHANCE)
    places = [*range(HEADER), *range(HEADER, len(smallest), 1 if whole else 16)]
    refused = 0
    for at in places:
        (tmp_path / "bad.pt").write_bytes(flipped(smallest, at, chance))
        refused += outcome(tmp_path / "bad.pt") == "CheckpointError"
    figure("one bit of a checkpoint flipped", "CheckpointError", f"{refused:,} of {len(places):,}")
    assert refused == len(places)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_bit_flipped_before_the_hash_was_taken(smallest, tmp_path, whole, figure):
    """No hash helps: what is behind it must be read with care. A bit within a weight gives another weight, no more."""
    chance, payload, found = random.Random(CHANCE), smallest[HEADER:], {}
    places = range(0, len(payload), 1 if whole else 151)
    for at in places:
        kind = outcome(seal(tmp_path / "bad.pt", flipped(payload, at, chance)))
        found[kind] = found.get(kind, 0) + 1
    figure("  and the hash made to fit", "CheckpointError, or a run of finite numbers", found)
    assert found.keys() <= {"CheckpointError", "loaded"} and len(found) == 2


# forgery

WEIGHT = "encoder.0.weight"


class Call:
    """Pickled, it asks whoever reads it to call a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def changes():
    """Name and change of a run's content, each in a file whose hash is right."""
    yield "missing tensor", lambda c: c["model"].pop(WEIGHT)
    yield "extra tensor", lambda c: c["model"].update(more=torch.zeros(2))
    yield "misshapen tensor", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 8)})
    yield "tensor that would broadcast", lambda c: c["model"].update({WEIGHT: torch.zeros(1, 9)})
    yield "NaN tensor", lambda c: c["model"][WEIGHT].fill_(math.nan)
    yield "whole numbers", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 9, dtype=torch.int64)})
    yield "one tensor in half precision", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 9).half()})
    yield "complex numbers", lambda c: c["model"].update({n: v.cfloat() for n, v in c["model"].items()})
    yield "no tensor", lambda c: c["model"].update({WEIGHT: "zero"})
    yield "sparse tensor", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 9).to_sparse()})
    yield "tensor without numbers", lambda c: c["model"].update({WEIGHT: torch.zeros(6, 9, device="meta")})
    yield "no parameters", lambda c: c.update(model=None)
    yield "another model", lambda c: c["config"].update(hidden=(6, 7))
    yield "another likelihood", lambda c: c["config"].update(likelihood="bernoulli")
    yield "unknown likelihood", lambda c: c["config"].update(likelihood="poisson")
    yield "unknown option", lambda c: c["config"].update(dropout=0.5)
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
    yield "best in half precision", lambda c: c["best"].update({WEIGHT: torch.zeros(6, 9).half()})
    yield "best missing", lambda c: c["best"].pop(WEIGHT)
    yield "best is a number", lambda c: c.update(best=3)
    yield "history too short", lambda c: c["history"]["train_elbo"].pop()
    yield "history too long", lambda c: c["history"]["held_elbo"].append(1.0)
    yield "history unknown", lambda c: c["history"].update(more=[])
    yield "history is a number", lambda c: c["history"].update(epoch=3)
    yield "history of words", lambda c: c["history"].update(train_elbo=["low", "low", "low"])
    yield "batch of none", lambda c: c["settings"].update(batch_size=0)
    yield "a schedule that there isn't", lambda c: c["settings"].update(schedule="cosine")
    yield "learning rate below zero", lambda c: c["settings"].update(learning_rate=-1.0)
    yield "setting unknown", lambda c: c["settings"].update(momentum=0.9)


def test_whole_files_that_are_no_run_of_ours(run, tmp_path, figure):
    others = dict(tensor=torch.zeros(3), list=[1], text="text", number=5, nothing=None, empty={})
    loop = []
    loop.append(loop)
    others["list within itself"] = dict(a=loop)
    for name, change in changes():
        others[name] = deepcopy(run.state())
        change(others[name])
    found = {name: outcome(seal(tmp_path / "bad.pt", packed(content))) for name, content in others.items()}
    seal(tmp_path / "bad.pt", b"no zip file")
    found["no zip file"] = outcome(tmp_path / "bad.pt")
    refused = sum(kind == "CheckpointError" for kind in found.values())
    criterion = "CheckpointError"
    figure("extra, missing, misshapen, NaN tensors, another model", criterion, f"{refused} of {len(found)}")
    assert {name: kind for name, kind in found.items() if kind != "CheckpointError"} == {}
    with pytest.raises(CheckpointError, match=r"bad.pt is of another version of this course: train again"):
        Run.load(seal(tmp_path / "bad.pt", packed(others["missing tensor"])))
    with pytest.raises(CheckpointError, match=r"bad.pt holds numbers that are not finite: delete it and train again"):
        Run.load(seal(tmp_path / "bad.pt", packed(others["NaN tensor"])))


def places(content, path=()):
    """The path of every value within content."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_any_value_missing_or_replaced(run, tmp_path, whole, figure):
    """Some loads go well: a value may stand for another, or may not matter. No load ends in another error."""
    state, found, chance = run.state(), {}, random.Random(CHANCE)
    for *path, key in list(places(state)) * (7 if whole else 1):
        content = deepcopy(state)
        place = content
        for step in path:
            place = place[step]
        other = chance.choice([None, "x", -1, [], {}, torch.zeros(3), torch.zeros(0)])
        if other is None:
            del place[key]
        else:
            place[key] = other
        kind = outcome(seal(tmp_path / "bad.pt", packed(content)))
        found[kind] = found.get(kind, 0) + 1
    figure("any one value left out or replaced", "CheckpointError, or a run of finite numbers", found)
    assert found.keys() <= {"CheckpointError", "loaded"}
    assert found["CheckpointError"] > 100 and found["CheckpointError"] > found["loaded"]


def test_no_code_runs(run, tmp_path, figure):
    mark = tmp_path / "ran"
    payload = packed(Call(os.mkdir, str(mark)))
    forged = [payload, packed(run.state() | dict(best=Call(os.mkdir, str(mark))))]
    found = [outcome(seal(tmp_path / "evil.pt", content)) for content in forged]
    figure("a pickle that calls a function", "CheckpointError, and it does not run", f"{found}, ran: {mark.exists()}")
    assert found == ["CheckpointError"] * 2 and not mark.exists()
    with pytest.raises(CheckpointError, match=r"evil.pt holds more than tensors and plain values, and was not read"):
        Run.load(tmp_path / "evil.pt")
    torch.load(io.BytesIO(payload), weights_only=False)   # the payload does work
    assert mark.exists()


# memory

PEAKS = """
import json, os, sys
import torch
from vae_lesson.run import Run

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

def outcome(path):
    try:
        Run.load(path, "cpu")
    except Exception as error:
        return type(error).__name__
    return "loaded"

torch.set_num_threads(1)
outcome(sys.argv[1])   # imports what a load needs,
for path in sys.argv[2:]:
    if not os.fork():
        outcome(sys.argv[1])   # and maps it here
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")   # the peak starts here
        before = status("VmRSS")
        print(json.dumps([path, outcome(path), status("VmHWM") - before, os.path.getsize(path)]), flush=True)
        os._exit(0)
    os.wait()
"""

CONSTANT = 4 * 2**20  # bytes beside twice the file: what unpickling and plain values take


def shared_lists(content):
    """A thousand million values, said in a few hundred bytes."""
    for _ in range(9):
        content = [content] * 10
    return content


def compressed(content):
    inner, outer = zipfile.ZipFile(io.BytesIO(packed(content))), io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for entry in inner.infolist():
            archive.writestr(entry.filename, inner.read(entry))
    return outer.getvalue()


def stored(content, *others):
    """A zip file with all that torch writes of content; then the pickles of the others, under the name of its own."""
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        for each in (content, *others):
            inner = zipfile.ZipFile(io.BytesIO(packed(each)))
            for entry in inner.infolist():
                if each is content or entry.filename.endswith("data.pkl"):
                    archive.writestr(entry.filename, inner.read(entry))
    return outer.getvalue()


def two_directories(evil, good):
    """Two zip files with directories of one length at one place: the end of the first, put behind the second, points
    torch to the first directory, and Python to the one that it stands behind."""
    end, other = evil.rindex(b"PK\5\6"), good.rindex(b"PK\5\6")
    assert end == other
    return evil[:end] + good[:end] + evil[end:]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peak memory is read from Linux's /proc")
def test_memory_stays_within_twice_the_file(run, tmp_path, figure):
    state, config = run.state(), run.model.config
    forged = {
        "a thousand million latents": state | dict(config=config | dict(latent_dim=10**9)),
        "a layer of a thousand million": state | dict(config=config | dict(hidden=(10**9, 10**9))),
        "a hundred thousand layers": state | dict(config=config | dict(hidden=[1] * 10**5)),
        "one number seen as a thousand million": state | dict(best=torch.zeros(1).expand(10**9)),
        "a list of lists of lists": state | dict(best=shared_lists(0)),
        "a bytearray's size": state | dict(best=Call(bytearray, 10**9)),
    }
    paths = {name: seal(tmp_path / f"{n}.pt", packed(content)) for n, (name, content) in enumerate(forged.items())}
    paths["a zip bomb"] = seal(tmp_path / "bomb.pt", compressed(state | dict(best=torch.zeros(2**25))))
    evil = dict(best=Call(bytearray, 10**9))
    twice = stored(evil, dict(best=1))
    alone = pickle.dumps(evil["best"], protocol=2) + stored(dict(best=1))
    good = next(file for n in range(100) if len(file := stored({"best" + "x" * n: 1})) == len(stored(evil)))
    paths["a bytearray's size, two files of one name"] = seal(tmp_path / "twice.pt", twice)
    paths["a bytearray's size, before a zip file"] = seal(tmp_path / "alone.pt", alone)
    paths["a bytearray's size, two directories"] = seal(tmp_path / "two.pt", two_directories(stored(evil), good))
    fit(make(800, image_shape=(28, 28)), tmp_path / "true.pt", epochs=1)
    fit(make(800, image_shape=(28, 28)), tmp_path / "no best.pt", epochs=1, held_out=0)
    run.save(tmp_path / "small.pt")
    true = [tmp_path / "true.pt", tmp_path / "no best.pt"]
    files = [tmp_path / "small.pt", *true, *paths.values()]
    script = [sys.executable, "-c", PEAKS, *map(str, files)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [kind for _, kind, _, _ in rows] == ["loaded"] * 2 + ["CheckpointError"] * len(paths)
    for (_, _, peak, size), name in zip(rows, ["a true file", "  without best parameters", *paths], strict=True):
        criterion = f"at most twice the file + {CONSTANT >> 20} MiB"
        figure(f"memory to read {name}", criterion, f"{peak / 2**20:.1f} MiB, file {size / 2**20:.1f} MiB")
        assert peak <= 2 * size + CONSTANT, name


# full disks


def mounted(*options):
    return shutil.which("mount") and not subprocess.run(["mount", *options], capture_output=True).returncode


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 1 MiB where we may mount one, else a limit on the size of any file. Yields which."""
    folder.mkdir()
    if mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        try:
            yield "tmpfs"
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
        try:
            yield "limit"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(folder):
    """Nothing can be written here: by a mount where we may, else by permissions, which root would overrule."""
    if mounted("--bind", str(folder), str(folder)) and mounted("-o", "remount,ro,bind", str(folder)):
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o555)
        try:
            if os.access(folder, os.W_OK):
                pytest.skip("every folder can be written here")
            yield
        finally:
            folder.chmod(0o755)


def test_full_disk_is_met_before_the_first_epoch(tmp_path, whole, figure):
    """Runs of all sizes on a disk of 1 MiB: each ends before its first epoch, or not at all."""
    met = finished = later = 0
    for width in range(4, 140, 2 if whole else 9):
        folder, epochs = tmp_path / str(width), []
        with small_disk(folder):
            try:
                fit(make(width, image_shape=(16, 16)), folder / "run.pt", on_epoch=epochs.append)
            except CheckpointError as error:
                assert "No space left" in str(error) or "File too large" in str(error)
                met, later = met + (epochs == []), later + (epochs != [])
            else:
                finished += Run.load(folder / "run.pt").epoch == 3
            assert set(names(folder)) <= {"run.pt"}
    found = f"{met} at the start, {later} later, {finished} had room"
    figure("full disk", "CheckpointError before the first epoch", found)
    assert later == 0 and met > 1 and finished > 1


def test_full_disk_leaves_the_old_checkpoint(tmp_path, figure):
    path, epochs = tmp_path / "disk" / "run.pt", []
    with small_disk(path.parent) as kind:
        run = fit(make(60, image_shape=(16, 16)), path)
        old = path.read_bytes()
        if kind == "tmpfs":
            with contextlib.suppress(OSError), open(path.parent / "other", "wb") as file:
                file.write(bytes(2**20))   # all that is left
        else:
            run = fit(make(200, image_shape=(16, 16)))
        with pytest.raises(CheckpointError) as caught:
            fit(run, path, epochs=5, on_epoch=epochs.append)
        intact, message = path.read_bytes() == old, str(caught.value)
        assert set(names(path.parent)) <= {"run.pt", "other"}
    need = "0.5 MiB needed" if kind == "tmpfs" else "1.6 MiB needed"
    figure("  with an old checkpoint", "intact; the message names path and need", f"{intact}; ...{message[-60:]}")
    assert intact and epochs == [] and str(path) in message and need in message


def test_read_only_folder(tmp_path, figure):
    path, epochs = tmp_path / "disk" / "run.pt", []
    run = fit(make(6, 5), path)
    old = path.read_bytes()
    with read_only(path.parent):
        with pytest.raises(CheckpointError) as caught:
            fit(run, path, epochs=5, on_epoch=epochs.append)
        intact, message = path.read_bytes() == old, str(caught.value)
    figure("read-only folder", "before the first epoch; path and need named", f"{intact}; ...{message[-60:]}")
    assert intact and epochs == [] and str(path) in message and "(0.0 MiB needed)" in message
    assert names(path.parent) == ["run.pt"]
    assert fit(run, path, epochs=5).epoch == 5   # nothing in the run was lost


# two trainers

TRAINER = """
import sys, torch
from vae_lesson.model import VAE
from vae_lesson.train import train

torch.set_num_threads(1)
images = torch.rand(20, 28, 28)
train(VAE(2, (6, 5)), images, images, epochs=10**6, checkpoint=sys.argv[1], progress=False, device="cpu",
      on_epoch=lambda run: run.epoch == 1 and print("at work", flush=True))
"""
MESSAGE = r"run.pt is being written by another training run: wait for its end, stop it, or name another file"


def test_second_trainer(tmp_path, figure, capsys):
    path = tmp_path / "run.pt"
    first = subprocess.Popen([sys.executable, "-c", TRAINER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "at work\n"
        epochs = []
        with pytest.raises(CheckpointError, match=MESSAGE):
            fit(make(6, 5), path, on_epoch=epochs.append)
        with pytest.raises(CheckpointError, match=MESSAGE):
            fit(Run.load(path), path, epochs=10**6)
        code = main(["train", "--save", str(path), "--resume"])
        error = capsys.readouterr().err
        before = Run.load(path).epoch   # reading is free to all
        end = time.monotonic() + 60
        while Run.load(path).epoch == before and time.monotonic() < end:
            time.sleep(0.01)
        undisturbed = Run.load(path).epoch > before
    finally:
        first.kill()
        first.wait()
    found = f"exit code {code}, the first goes on: {undisturbed}"
    figure("two trainers, one checkpoint", "the second is refused at once", found)
    assert epochs == [] and code == 1 and undisturbed
    assert error.splitlines()[-1].startswith("vae_lesson train: ") and "another training run" in error

    assert ".run.pt.lock" in names(tmp_path)   # the file, which locks nobody out
    run = fit(Run.load(path), path, epochs=Run.load(path).epoch + 1)
    found = f"{run.stopped}, left behind: {names(tmp_path)[1:]}"
    figure("  the first is killed (-9)", "its lock is gone with it", found)
    assert run.stopped == "finished" and names(tmp_path) == ["run.pt"]


def test_second_trainer_in_the_same_process(tmp_path):
    refused = []

    def again(run):
        def second():
            try:
                fit(make(6, 5), tmp_path / "run.pt")
            except CheckpointError as error:
                refused.append(str(error))

        second()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        fit(make(6, 5), tmp_path / "other.pt")   # another file is another matter

    run = fit(make(6, 5), tmp_path / "run.pt", on_epoch=again)
    assert run.epoch == 3 and len(refused) == 6 and all("another training run" in message for message in refused)
    assert names(tmp_path) == ["other.pt", "run.pt"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError("mine"), SystemExit])
def test_the_lock_goes_however_training_ends(end, tmp_path):
    with pytest.raises(type(end) if isinstance(end, Exception) else end), only_writer(tmp_path / "run.pt"):
        assert names(tmp_path) == [".run.pt.lock"]
        raise end
    assert names(tmp_path) == []
    with only_writer(str(tmp_path / "run.pt")), only_writer(None):
        pass


CROWD = """
import os, sys
from pathlib import Path
from vae_lesson.checkpoint import CheckpointError
from vae_lesson.lock import only_writer

path, turns = Path(sys.argv[1]), int(sys.argv[2])
taken = 0
while taken < turns:
    try:
        with only_writer(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))   # an error if somebody else is here too
            path.unlink()
            taken += 1
    except CheckpointError:
        pass
"""


def test_never_two_at_once(tmp_path, whole, figure):
    """Several processes take, give back and remove the lock as fast as they can."""
    turns = 5000 if whole else 200
    script = [sys.executable, "-c", CROWD, str(tmp_path / "run.pt"), str(turns)]
    crowd = [subprocess.Popen(script, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=300)[1] for process in crowd]
    alone = sum(process.returncode == 0 for process in crowd)
    figure("a lock taken and removed by four at a time", "never held by two", f"{alone} of 4, {turns:,} turns each")
    assert alone == 4, errors
    assert names(tmp_path) == []


def test_a_disk_without_locks(tmp_path, monkeypatch):
    """Better to train there without one than not at all."""

    def no_locks(handle):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_take", no_locks)
    assert fit(make(6, 5), tmp_path / "run.pt").epoch == 3


WINDOWS = """
import fcntl, os, sys, types
from vae_lesson.checkpoint import CheckpointError

def locking(handle, mode, length):
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PermissionError(13, "Permission denied") from error

sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
sys.platform = "win32"
from vae_lesson.lock import only_writer

for _ in range(2):
    with only_writer("run.pt"):
        try:
            with only_writer("run.pt"):
                sys.exit("two at once")
        except CheckpointError:
            pass
    assert os.listdir() == []
"""


@pytest.mark.skipif(os.name == "nt", reason="plays Windows, whose tests above are real there")
def test_the_lock_of_windows_played_by_a_stand_in(tmp_path):
    done = subprocess.run([sys.executable, "-c", WINDOWS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
