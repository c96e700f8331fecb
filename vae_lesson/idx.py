"""Read IDX files, the format of MNIST and Fashion-MNIST, strictly: a file is exactly what it should be, or refused.

An IDX file holds two zero bytes, a byte for the type of its values, a byte for the number of its dimensions, every
dimension as a big-endian 32-bit number, and then the values, last dimension fastest. It may be packed with gzip.
"""

import hashlib
import math
import os
import struct
import zlib

import numpy as np

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
GZIP_OVERHEAD = 65_536   # gzip makes incompressible bytes longer, by far less than this for files of our size


class DataError(ValueError):
    """Data are missing or are not what they should be; the message names the file and the reason."""


def idx_size(shape):
    """Bytes of an unpacked IDX file of unsigned bytes with this shape."""
    return 4 + 4 * len(shape) + math.prod(shape)


def unpack(stored, limit, name):
    """Undo gzip where it was used, never making more than `limit` bytes.

    Args:
        stored: the bytes of the file, packed or not.
        limit: the most bytes that the content may have.
        name: what to call the file in an error.

    Returns:
        bytes, at most `limit` of them.

    Raises:
        DataError: the content is longer, or the gzip stream is damaged, cut off or followed by something else.
    """
    content = stored
    if stored[:2] == GZIP_MAGIC:
        gzip = zlib.decompressobj(wbits=31)   # 31: one gzip stream with its checksum, no other format
        try:
            content = gzip.decompress(stored, limit + 1)
        except zlib.error as error:
            raise DataError(f"{name}: damaged gzip file ({error})") from error
        if len(content) <= limit and not gzip.eof:
            raise DataError(f"{name}: gzip file cut off after {len(stored)} bytes")
        if gzip.unused_data:
            raise DataError(f"{name}: {len(gzip.unused_data)} bytes follow the end of the gzip file")
    if len(content) > limit:
        raise DataError(f"{name}: longer than the {limit} bytes wanted")
    return content


def parse_idx(content, shape, name):
    """The values of an unpacked IDX file.

    Args:
        content: the bytes of the file.
        shape: the shape that the file must have.
        name: what to call the file in an error.

    Returns:
        uint8 array of that shape (read-only, a view of `content`).

    Raises:
        DataError: anything but an IDX file of unsigned bytes with exactly this shape.
    """
    header = 4 + 4 * len(shape)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"{name}: not an IDX file, it starts with {content[:4]!r}")
    if content[2] != UNSIGNED_BYTE:
        raise DataError(f"{name}: type code 0x{content[2]:02X}, wanted 0x{UNSIGNED_BYTE:02X} (unsigned bytes)")
    if content[3] != len(shape):
        raise DataError(f"{name}: {content[3]} dimensions, wanted {len(shape)}")
    if len(content) < header:
        raise DataError(f"{name}: cut off within its header, after {len(content)} bytes")
    dimensions = struct.unpack(f">{len(shape)}I", content[4:header])
    if dimensions != tuple(shape):
        raise DataError(f"{name}: dimensions {dimensions}, wanted {tuple(shape)}")
    if len(content) != idx_size(shape):
        raise DataError(f"{name}: {len(content)} bytes, wanted {idx_size(shape)} for the dimensions {dimensions}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def check_sha256(content, sha256, name):
    """Raise DataError unless the bytes `content` have this SHA-256 (hexadecimal)."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(f"{name}: other content than expected (SHA-256 {found}, wanted {sha256})")


def read_idx(path, shape, sha256=None):
    """Read a file of unsigned bytes, packed with gzip or not (its first bytes tell, not its name).

    Args:
        path: the file.
        shape: the shape that the file must have, such as (60000, 28, 28).
        sha256: the SHA-256 that the unpacked file must have, hexadecimal; None to accept any values.

    Returns:
        uint8 array of that shape (read-only).

    Raises:
        DataError: the file can't be read, or is not exactly what is wanted.

    Source: the description of the IDX format at the MNIST database (LeCun, Cortes and Burges, 1998).
    """
    limit = idx_size(shape)
    try:
        with open(path, "rb") as file:
            stored = file.read(limit + GZIP_OVERHEAD + 1)   # whatever lies there, memory stays bounded
    except OSError as error:
        raise DataError(f"{os.fspath(path)}: can't be read ({error.strerror})") from error
    content = unpack(stored, limit, path)
    values = parse_idx(content, shape, path)
    if sha256 is not None:
        check_sha256(content, sha256, path)
    return values
