"""The images that the benchmarks train on."""

import os
from pathlib import Path

from vae_lesson.data import DataError, Split, load

DEBIAN = Path(os.sep, "usr", "share", "datasets")  # where Debian's package dataset-fashion-mnist puts them


def largest() -> Split:
    """Fashion-MNIST's 60,000 if they are on this machine, else the digits that come with the course."""
    for folder in (DEBIAN, None):
        try:
            return load("fashion-mnist", folder, mirrors=[])
        except DataError:
            continue
    return load("digits")
