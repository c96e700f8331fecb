"""The strict IDX reader: true files come back value by value, everything else is one DataError that names the file."""

import gzip
import hashlib
import random
import struct
import tracemalloc

import numpy as np
import pytest

from vae_lesson.idx import DataError, parse_idx, read_idx

SHAPE = (5, 4, 3)
VALUES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


def idx(values, type_code=0x08, dimensions=None):
    """Write an IDX file by hand, so that the reader is not checked against itself."""
    dimensions = values.shape if dimensions is None else dimensions
    return struct.pack(f">BBBB{len(dimensions)}I", 0, 0, type_code, len(dimensions), *dimensions) + values.tobytes()


TRUE = idx(VALUES)
PACKED = gzip.compress(TRUE, mtime=0)
SHA256 = hashlib.sha256(TRUE).hexdigest()


def read(tmp_path, stored, shape=SHAPE, sha256=None):
    path = tmp_path / "some-file"
    path.write_bytes(stored)
    return read_idx(path, shape, sha256)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize("shape", [(7,), (1,), (0, 28, 28), (3, 28, 28), (2, 3, 4, 5)])
def test_a_true_file_comes_back(tmp_path, shape, pack):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    found = read(tmp_path, pack(idx(values)), shape)
    assert found.dtype == np.uint8 and found.shape == shape
    np.testing.assert_array_equal(found, values)


def test_the_name_need_not_end_on_gz(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(TRUE)   # raw, in spite of its name
    np.testing.assert_array_equal(read_idx(path, SHAPE, SHA256), VALUES)
    path.write_bytes(gzip.compress(TRUE, compresslevel=0))   # packed, and longer than its content
    np.testing.assert_array_equal(read_idx(str(path), SHAPE, SHA256), VALUES)


HOSTILE = {
    "empty": (b"", "not an IDX file"),
    "three bytes": (TRUE[:3], "not an IDX file"),
    "a page of HTML": (b"<!DOCTYPE html><html>moved</html>", "not an IDX file"),
    "wrong magic": (b"\x01" + TRUE[1:], "not an IDX file"),
    "wrong magic, second byte": (b"\0\x01" + TRUE[2:], "not an IDX file"),
    "floats": (idx(VALUES, type_code=0x0D), "type code 0x0D"),
    "signed bytes": (idx(VALUES, type_code=0x09), "type code 0x09"),
    "two dimensions": (idx(VALUES, dimensions=(5, 12)), "2 dimensions, wanted 3"),
    "no dimensions": (b"\0\0\x08\0" + TRUE[4:], "0 dimensions"),
    "cut off in the header": (TRUE[:9], "cut off within its header"),
    "sides exchanged": (idx(VALUES, dimensions=(5, 3, 4)), "dimensions (5, 3, 4)"),
    "little-endian": (struct.pack("<I", 0x03080000) + struct.pack("<3I", *SHAPE) + TRUE[16:], "dimensions"),
    "other count": (idx(VALUES, dimensions=(6, 4, 3)), "dimensions (6, 4, 3)"),
    "giant count": (idx(VALUES, dimensions=(2**32 - 1, 2**32 - 1, 2**32 - 1)), "dimensions (4294967295"),
    "header alone": (TRUE[:16], "16 bytes, wanted 76"),
    "one byte short": (TRUE[:-1], "75 bytes, wanted 76"),
    "one byte more": (TRUE + b"\0", "longer than the 76 bytes"),
    "one image more": (TRUE + TRUE[-12:], "longer than the 76 bytes"),
    "far too long": (TRUE + bytes(1_000_000), "longer than the 76 bytes"),
    "packed, one byte short": (gzip.compress(TRUE[:-1]), "75 bytes, wanted 76"),
    "packed, one byte more": (gzip.compress(TRUE + b"\0"), "longer than the 76 bytes"),
    "packed twice": (gzip.compress(PACKED), "longer than the 76 bytes"),   # random bytes don't get shorter
    "packed page of HTML": (gzip.compress(b"<html></html>"), "not an IDX file"),
    "packed nothing": (gzip.compress(b""), "not an IDX file"),
    "gzip cut off": (PACKED[:-20], "cut off"),
    "gzip without its checksum": (PACKED[:-8], "cut off"),
    "gzip without its last byte": (PACKED[:-1], "cut off"),
    "gzip header alone": (PACKED[:10], "cut off"),
    "gzip magic alone": (PACKED[:2], "cut off"),
    "gzip with a wrong checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "damaged gzip"),
    "gzip with a wrong length": (PACKED[:-4] + b"\0\0\0\0", "damaged gzip"),
    "gzip with a damaged body": (PACKED[:10] + b"\xff" * 8 + PACKED[18:], "damaged gzip"),
    "gzip, then garbage": (PACKED + b"garbage", "7 bytes follow"),
    "gzip, then zeros": (PACKED + bytes(3), "3 bytes follow"),
    "gzip, then another gzip": (PACKED + gzip.compress(b"more"), "follow"),
    "gzip bomb": (gzip.compress(bytes(40_000_000)), "longer than the 76 bytes"),
    "gzip bomb behind a true file": (gzip.compress(TRUE + bytes(40_000_000)), "longer than the 76 bytes"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused(tmp_path, kind):
    stored, reason = HOSTILE[kind]
    with pytest.raises(DataError) as caught:
        read(tmp_path, stored)
    assert str(tmp_path / "some-file") in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("n", [*range(76), 77, 1_000])
def test_every_other_length_is_refused(n):
    assert parse_idx(TRUE, SHAPE, "name").tobytes() == VALUES.tobytes()
    with pytest.raises(DataError, match="name: "):
        parse_idx((TRUE + bytes(1_000))[:n], SHAPE, "name")


def test_other_values_are_refused_by_their_hash(tmp_path):
    other = VALUES.copy()
    other[2, 1, 0] ^= 1
    np.testing.assert_array_equal(read(tmp_path, idx(other)), other)
    with pytest.raises(DataError, match="other content"):
        read(tmp_path, idx(other), sha256=SHA256)


def test_what_cannot_be_read_is_the_same_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing-here.*can't be read"):
        read_idx(tmp_path / "nothing-here", SHAPE)
    with pytest.raises(DataError, match="can't be read"):
        read_idx(tmp_path, SHAPE)   # a folder
    assert issubclass(DataError, ValueError)


def peak_memory(tmp_path, stored):
    path = tmp_path / "some-file"
    path.write_bytes(stored)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="longer than"):
            read_idx(path, SHAPE)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded(tmp_path):
    # Read naively these two take 40 MB and more.
    assert peak_memory(tmp_path, gzip.compress(bytes(40_000_000))) < 1_000_000
    assert peak_memory(tmp_path, TRUE + bytes(40_000_000)) < 1_000_000


def mutations(stored, n, seed):
    """`n` files that differ a little from a true one: bytes changed, cut, inserted, repeated."""
    rng = random.Random(seed)
    for _ in range(n):
        b = bytearray(stored)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            i, j = sorted(rng.randrange(len(b) + 1) for _ in range(2))
            change = rng.choice(["bit", "header", "cut", "insert", "delete", "repeat"] if b else ["insert"])
            if change == "bit":
                b[i % len(b)] ^= 1 << rng.randrange(8)
            elif change == "header":
                b[rng.randrange(min(16, len(b)))] = rng.randrange(256)
            elif change == "cut":
                del b[i:]
            elif change == "insert":
                b[i:i] = rng.randbytes(rng.randrange(1, 9))
            elif change == "delete":
                del b[i:j]
            else:
                b += b[i:j]
        yield bytes(b)


def test_mutated_files(tmp_path):
    """1,000 raw files: accepted exactly when header and length are true, and then read as they are."""
    accepted = 0
    for stored in mutations(TRUE, 1_000, seed=0):
        true = stored[:16] == TRUE[:16] and len(stored) == len(TRUE)
        try:
            found = read(tmp_path, stored)
        except DataError:
            assert not true, stored
        else:
            assert true, stored
            assert found.tobytes() == stored[16:]
            accepted += stored != TRUE
    assert accepted > 30   # the other half of the claim was tried too


def test_mutated_packed_files(tmp_path):
    """1,000 packed files, with the hash known: accepted only where the very same values come out."""
    accepted = 0
    for stored in mutations(PACKED, 1_000, seed=1):
        try:
            found = read(tmp_path, stored, sha256=SHA256)
        except DataError:
            continue
        np.testing.assert_array_equal(found, VALUES)
        assert gzip.decompress(stored) == TRUE   # an independent reader says so too
        accepted += 1
    assert 0 < accepted < 300   # changes of the time stamp and the like do no harm
