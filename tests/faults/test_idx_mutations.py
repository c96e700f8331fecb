"""Mutated IDX files: only true ones are accepted, and everything else is one kind of error.

What is true is said by a second reader, written here from the two formats' descriptions alone (struct and numpy; gzip's
header and checksums by hand).
"""

import gzip
import hashlib
import struct
import zlib
from collections import Counter

import numpy as np
import pytest

from vae_lesson.idx import DataError, read_idx

SHAPE = (6, 5, 4)
VALUES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
TRUE = struct.pack(">BBBB3I", 0, 0, 8, 3, *SHAPE) + VALUES.tobytes()
SHA256 = hashlib.sha256(TRUE).hexdigest()
PACKED = gzip.compress(TRUE, mtime=0)
TYPE_CODES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def true_values(stored):
    """The values of an IDX file of SHAPE, packed or not; ValueError, struct.error or zlib.error where it is not one."""
    content = gunzip(stored) if stored[:2] == b"\x1f\x8b" else stored
    zero, type_code, ndim = struct.unpack_from(">HBB", content)
    sizes = struct.unpack_from(f">{len(SHAPE)}I", content, 4)
    if (zero, type_code, ndim, sizes) != (0, 8, len(SHAPE), SHAPE):
        raise ValueError("header")
    return np.array(list(content[16:]), dtype=np.uint8).reshape(SHAPE)


def gunzip(stored):
    """One gzip member and nothing after it (RFC 1952)."""
    method, flags, at = stored[2], stored[3], 10
    if method != 8 or flags & 0b11100000:
        raise ValueError("method or flags")
    if flags & 4:   # an extra field
        at += 2 + struct.unpack_from("<H", stored, at)[0]
    for flag in (8, 16):   # a name, a comment
        if flags & flag:
            at = stored.index(b"\0", at) + 1
    if flags & 2:   # a checksum of this header
        if struct.unpack_from("<H", stored, at)[0] != zlib.crc32(stored[:at]) & 0xFFFF:
            raise ValueError("header checksum")
        at += 2
    deflate = zlib.decompressobj(wbits=-15)
    content = deflate.decompress(stored[at:])
    if not deflate.eof or struct.pack("<II", zlib.crc32(content), len(content)) != deflate.unused_data:
        raise ValueError("end")
    return content


def mutation(rng):
    """The name of a mutation, and what it makes of a true file."""
    stored = PACKED if rng.random() < 0.5 else TRUE
    several = rng.random() < 0.4
    for _ in range(rng.integers(2, 5) if several else 1):
        name = NAMES[rng.integers(len(NAMES))]
        stored = MUTATIONS[name](stored, rng)
    return "several" if several else name, stored


def cut(stored, rng):
    return stored[:rng.integers(len(stored) + 1)]


def insert(stored, rng):
    at = rng.integers(len(stored) + 1)
    return stored[:at] + rng.bytes(rng.integers(1, 9)) + stored[at:]


def delete(stored, rng):
    start, end = sorted(rng.integers(len(stored) + 1, size=2))
    return stored[:start] + stored[end:]


def put(stored, at, new):
    return stored[:at] + new + stored[at + len(new):]


def flip(stored, rng):
    at = rng.integers(max(len(stored), 1))
    return put(stored, at, bytes([stored[at] ^ 1 << rng.integers(8)])) if stored else stored


def field(stored, rng):
    near = [0, 1, 2**31, 2**32 - 1, *SHAPE, *(size + 1 for size in SHAPE), *(size * 256 for size in SHAPE)]
    return put(stored, 4 + 4 * rng.integers(3), struct.pack(">I", rng.choice(near)))


MUTATIONS = {
    "a bit": flip,
    "another value": lambda stored, rng: put(stored, rng.integers(16, 137), rng.bytes(1)),
    "cut off": cut,
    "bytes put in": insert,
    "bytes taken out": delete,
    "bytes after the end": lambda stored, rng: stored + rng.bytes(rng.integers(1, 30)),
    "zeros after the end": lambda stored, rng: stored + bytes(rng.integers(1, 30)),
    "a byte of the magic": lambda stored, rng: put(stored, rng.integers(4), rng.bytes(1)),
    "a byte of the header": lambda stored, rng: put(stored, rng.integers(16), rng.bytes(1)),
    "a dimension": field,
    "dimensions swapped": lambda stored, rng: put(stored, 4, struct.pack(">3I", *rng.permutation(SHAPE))),
    "other byte order": lambda stored, rng: put(stored, 4, struct.pack("<3I", *SHAPE)),
    "type code": lambda stored, rng: put(stored, 2, bytes([rng.choice(TYPE_CODES)])),
    "number of dimensions": lambda stored, rng: put(stored, 3, bytes([rng.integers(5)])),
    "two in one": lambda stored, rng: stored + (TRUE if rng.random() < 0.5 else PACKED),
    "packed": lambda stored, rng: gzip.compress(stored, int(rng.integers(10)), mtime=int(rng.integers(2**31))),
    "named": lambda stored, rng: put(stored, 3, b"\x08")[:10] + b"name\0" + stored[10:],
    "checksum": lambda stored, rng: stored[:-8] + rng.bytes(rng.choice([4, 8])) + stored[-4:],
}
NAMES = list(MUTATIONS)


@pytest.mark.parametrize("sha256", [None, SHA256], ids=["by header and length", "by hash"])
def test_only_true_files_are_accepted(tmp_path, whole, figure, sha256):
    rng, path = np.random.default_rng(0 if sha256 is None else 1), tmp_path / "file"
    n = 50_000 if whole else 2_500
    accepted, refused, wrong = Counter(), Counter(), []
    for _ in range(n):
        name, stored = mutation(rng)
        path.write_bytes(stored)
        try:
            wanted = true_values(stored)
        except (ValueError, IndexError, struct.error, zlib.error):
            wanted = None
        if wanted is not None and sha256 is not None and not np.array_equal(wanted, VALUES):
            wanted = None
        try:
            found = read_idx(path, SHAPE, sha256)
        except DataError:
            found = None
        except Exception as error:
            wrong.append((name, type(error).__name__, stored))
            continue
        if (found is None) != (wanted is None) or (found is not None and not np.array_equal(found, wanted)):
            wrong.append((name, "accepted" if wanted is None else "refused", stored))
        (refused if found is None else accepted)[name] += 1
    kind = "a true header and length" if sha256 is None else "the true hash"
    figure(f"IDX: {n:,} mutated files, {kind}", "true ones accepted, else DataError",
           f"{accepted.total():,} true, {refused.total():,} DataError, {len(wrong)} wrong")
    assert not wrong, wrong[:3]
    assert accepted.total() > n / 50 and refused.total() > n / 2   # both halves of the claim were tried
    assert set(refused) >= set(MUTATIONS) - {"another value", "packed"}
    assert set(accepted) >= {"packed", "named", "several"}
