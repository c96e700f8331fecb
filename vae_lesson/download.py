"""Fetch one IDX file from the first mirror that sends it whole; nothing unverified stands under its final name."""

import os
import time
from functools import partial
from pathlib import Path

import pooch
import requests
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError, ReadTimeoutError

from vae_lesson.idx import GZIP_OVERHEAD, DataError, idx_size, parse_idx, unpack

PIECE = 65_536             # bytes read at a time
SLOWEST = 20_000           # bytes a second; a mirror slower than this is given up
CONNECTION = (requests.ConnectionError, HTTPError)


def fetch(folder, file_name, shape, sha256, mirrors, timeout=20.0):
    """Download an IDX file, unpack it and store it once its SHA-256 is right.

    Args:
        folder: where the file goes; made if it is not there.
        file_name: the file's name; mirrors hold it with '.gz' added.
        shape: the shape that the file must have.
        sha256: the SHA-256 of the unpacked file, hexadecimal.
        mirrors: addresses of folders, tried in this order.
        timeout: seconds without any byte after which a mirror is given up.

    Returns:
        The path of the stored, unpacked file.

    Raises:
        DataError: no mirror sent the file; one line for each says why.
    """
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file_name}.gz"
        downloader = partial(_download, shape=shape, timeout=timeout)
        try:
            # pooch writes to a temporary file in the folder, compares the hash and only then gives it its name.
            return Path(pooch.retrieve(url, f"sha256:{sha256}", file_name, folder, downloader=downloader))
        except (ValueError, OSError, HTTPError) as error:
            failures.append(f"  {_reason(error, url, timeout)}")
    raise DataError("\n".join(failures))


def _download(url, path, _pooch, shape, timeout):
    """Write the unpacked body of `url` to `path`; bounded in bytes and in time, whatever the server does."""
    limit = idx_size(shape)
    body = _body(url, limit + GZIP_OVERHEAD, timeout, time.monotonic() + timeout + limit / SLOWEST)
    content = unpack(body, limit, url)
    parse_idx(content, shape, url)   # says more about a wrong file than its hash would
    Path(path).write_bytes(content)
    os.chmod(path, 0o644)            # a temporary file is private; a class shares its data directory


def _body(url, limit, timeout, deadline):
    body = bytearray()
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(desc=url, total=total, unit="B", unit_scale=True, leave=False, delay=1) as progress:
            # read1 returns what has come, so that the deadline is looked at even when single bytes drip in.
            while piece := response.raw.read1(PIECE, decode_content=False):
                body += piece
                progress.update(len(piece))
                if len(body) > limit:
                    raise DataError(f"{url}: longer than expected, given up after {len(body)} bytes")
                if time.monotonic() > deadline:
                    raise DataError(f"{url}: too slow, {len(body)} bytes so far")
    return bytes(body)


def _reason(error, url, timeout):
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return f"{url}: no answer for {timeout:g} seconds"
    if isinstance(error, CONNECTION):
        return f"{url}: can't be reached, or broke off ({type(error).__name__})"
    return str(error) if url in str(error) else f"{url}: {error}"
