"""A training run on disk: written whole or not at all, and read only if every bit is as it was written.

A file is one line that says what it is, the SHA-256 of the rest, and the rest: tensors and plain values as torch saves
them, read back with `weights_only`, so that no code runs. The hash notices damage; it is no proof of who wrote a file.
"""

import hashlib
import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from vae_lesson.whole_files import sweep, write_whole

MAGIC = b"vae_lesson checkpoint 1\n"
TENSOR = re.compile(r"torch \w+Storage|torch\._utils _rebuild_tensor_v2|collections OrderedDict")


class CheckpointError(ValueError):
    """A checkpoint that can't be written or read; the message says what to do."""


def save(path: str | Path, content: dict[str, Any]) -> None:
    """Write content to path so that path holds, at every moment, either the old file or the whole new one.

    Args:
        path: the file; its folder is made if need be.
        content: a dict of tensors, numbers, strings, lists and dicts.

    Raises:
        CheckpointError: the file can't be written there; what was there before is intact.
    """
    path = Path(path)
    if not all_finite(content):
        raise CheckpointError(f"checkpoint {path} would hold numbers that are not finite: lower the learning rate")
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    try:
        sweep(path.parent, path.name)
        write_whole(path, MAGIC, hashlib.sha256(payload).hexdigest().encode(), b"\n", payload)
    except OSError as error:
        need = f"{len(payload) / 2**20:.1f} MiB"
        raise CheckpointError(f"can't write checkpoint {path} ({need} needed): {error.strerror or error}") from error


def load(path: str | Path) -> dict[str, Any]:
    """Read what `save` wrote.

    Args:
        path: the file.

    Returns:
        The content, every tensor on the CPU.

    Raises:
        CheckpointError: no such file, not one of ours, damaged, or with numbers that are not finite.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # a buffer would hold the file twice
            if file.read(len(MAGIC)) != MAGIC:
                raise CheckpointError(
                    f"{path} is not a checkpoint of this course: name another file, or train without resuming"
                )
            digest, payload = file.read(65), file.read()
    except OSError as error:
        raise CheckpointError(f"can't read checkpoint {path}: {error.strerror or error}") from error
    if digest != hashlib.sha256(payload).hexdigest().encode() + b"\n":
        raise CheckpointError(f"{path} is damaged (its SHA-256 differs): restore a copy, or delete it and train again")
    try:
        content = _unpack(payload)
        del payload
        finite = all_finite(content)
    except Exception as error:  # torch raises a dozen kinds
        raise CheckpointError(f"{path} holds more than tensors and plain values, and was not read") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a training run")
    if not finite:
        raise CheckpointError(f"{path} holds numbers that are not finite: delete it and train again")
    return content


def all_finite(content: Any) -> bool:
    """Whether no tensor or number within content is infinite or NaN."""
    return all(
        value.isfinite().all() if isinstance(value, torch.Tensor) else isfinite(value)
        for value in _values(content)
        if isinstance(value, torch.Tensor | float)
    )


def _unpack(payload: bytes) -> Any:
    """What `torch.save` packed, unless it asks for more than tensors or unfolds to more than its own bytes.

    Its pickle may name what a tensor is made of, and no other function: torch itself lets some more pass, such as
    bytearray, which makes a gigabyte of one number. Raises a dozen kinds of error, torch's among them.
    """
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        entries = archive.infolist()
        if payload[:4] != b"PK\3\4" or entries[0].header_offset or archive.comment:
            raise ValueError("not as torch writes a file: it might read another one than is looked at here")
        if sum(entry.file_size for entry in entries) > len(payload):
            raise ValueError("compressed")
        for entry in entries:
            if entry.filename.lower().endswith("data.pkl"):
                for operation, argument, _ in pickletools.genops(archive.read(entry)):
                    if operation.name == "GLOBAL" and not TENSOR.fullmatch(argument or ""):
                        raise ValueError(f"asks for {argument}")
    content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    for count, value in enumerate(_values(content)):
        if max(count, value.nbytes if isinstance(value, torch.Tensor) else 0) > len(payload):
            raise ValueError("one number stands for many")
    return content


def _values(content: Any) -> Iterator[Any]:
    """Content and all that is within it, however deep."""
    yield content
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list | tuple):
        for value in content:
            yield from _values(value)
