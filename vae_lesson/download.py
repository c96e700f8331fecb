"""Fetch one IDX file from the first mirror that sends it whole; nothing unverified stands under its final name."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm
from urllib3.exceptions import HTTPError, ReadTimeoutError

from vae_lesson.idx import GZIP_OVERHEAD, DataError, check_sha256, idx_size, parse_idx, unpack
from vae_lesson.whole_files import sweep, write_whole

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
        DataError: no mirror sent the file, one line for each says why; or it can't be written.
    """
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file_name}.gz"
        deadline = time.monotonic() + timeout + idx_size(shape) / SLOWEST
        try:
            content = _download(url, shape, timeout, deadline)
            check_sha256(content, sha256, url)
        except (ValueError, OSError, HTTPError) as error:
            failures.append("  " + _reason(error, url, timeout, deadline))
        else:
            return _store(content, Path(folder, file_name))
    raise DataError("\n".join(failures))


def _download(url, shape, timeout, deadline):
    """The unpacked body of `url`, an IDX file of this shape; bounded in bytes and in time, whatever the server does."""
    limit = idx_size(shape)
    content = unpack(_body(url, limit + GZIP_OVERHEAD, timeout, deadline), limit, url)
    parse_idx(content, shape, url)   # says more about a wrong file than its hash would
    return content


def _body(url, limit, timeout, deadline):
    body = bytearray()
    headers = {"Accept-Encoding": "identity"}
    with _session(deadline) as session, session.get(url, stream=True, timeout=timeout, headers=headers) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(desc=url, total=total, unit="B", unit_scale=True, leave=False, delay=1) as progress:
            while piece := response.raw.read1(PIECE, decode_content=False):
                body += piece
                progress.update(len(piece))
                if len(body) > limit:
                    raise DataError(f"{url}: longer than expected, given up after {len(body)} bytes")
    return bytes(body)


def _session(deadline):
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(deadline))
    return session


class _Session(requests.Session):
    """Follows a redirection without its body, which requests would read to its end, however far that is."""

    def get_redirect_target(self, response):
        target = super().get_redirect_target(response)
        if target:
            response.raw.close()
        return target


class _Adapter(HTTPAdapter):
    """Cuts its connections at the deadline: the timeout counts from byte to byte, and bytes can drip for ever."""

    def __init__(self, deadline):
        super().__init__()
        self.deadline, self.alarms = deadline, []

    def get_connection_with_tls_context(self, *args, **kwargs):
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        plain = pool.ConnectionCls

        def connect(connection):
            plain.connect(connection)
            alarm = threading.Timer(self.deadline - time.monotonic(), _cut, [connection.sock])
            alarm.daemon = True
            alarm.start()
            self.alarms.append(alarm)

        pool.ConnectionCls = type("Connection", (plain,), {"connect": connect})
        return pool

    def close(self):
        for alarm in self.alarms:
            alarm.cancel()
        super().close()


def _cut(connection):
    with contextlib.suppress(OSError):   # the server was first
        connection.shutdown(socket.SHUT_RDWR)


def _store(content, path):
    """Write `path`, which is at every moment either not there or whole."""
    try:
        write_whole(path, content)
    except OSError as error:
        if not path.is_file():   # another process may have stored it first, and swept our temporary file
            raise DataError(f"{path}: can't be written ({error.strerror}), {len(content)} bytes") from error
    sweep(path.parent, path.name)
    return path


def _reason(error, url, timeout, deadline):
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return f"{url}: no answer for {timeout:g} seconds"
    if time.monotonic() > deadline:   # the connection was cut, which shows in many ways
        return f"{url}: too slow"
    if isinstance(error, CONNECTION):
        return f"{url}: can't be reached, or broke off ({type(error).__name__})"
    return str(error) if url in str(error) else f"{url}: {error}"
