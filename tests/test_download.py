"""Downloads from a hostile local server: only the true file ever stands under its final name. No real network."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from vae_lesson import download
from vae_lesson.idx import DataError, read_idx

NAME = "train-images-idx3-ubyte"
SHAPE = (40, 28, 28)
VALUES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
HEADER = struct.pack(">BBBB3I", 0, 0, 8, 3, *SHAPE)
TRUE = HEADER + VALUES.tobytes()
SHA256 = hashlib.sha256(TRUE).hexdigest()
PACKED = gzip.compress(TRUE)
OTHER = HEADER + bytes(VALUES.size)   # a true IDX file of the right shape, but not the one wanted

BODIES = {   # mirror: what it sends, what is said about it
    "truncated": (PACKED[:-100], "cut off"),
    "extra-byte": (PACKED + b"\0", "1 bytes follow"),
    "extra-byte-inside": (gzip.compress(TRUE + b"\0"), "longer than"),
    "wrong-hash": (gzip.compress(OTHER), "other content"),
    "html": (b"<!DOCTYPE html><title>Sign in to the wireless network</title>", "not an IDX file"),
    "empty": (b"", "not an IDX file"),
    "bomb": (gzip.compress(TRUE + bytes(40_000_000)), "longer than"),
    "corrupt": (PACKED[:5_000] + bytes(50) + PACKED[5_050:], "damaged gzip"),
}


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how this mirror behaves."""

    def do_GET(self):
        kind = self.path.split("/")[1]
        self.server.asked.append(self.path)
        if self.path != f"/{kind}/{NAME}.gz" or kind == "down":
            return self.send_error(404)
        try:
            getattr(self, kind, self.body)(kind)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()

    def start(self, length=None, encoding=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()

    def body(self, kind):
        body = PACKED if kind == "good" else BODIES[kind][0]
        self.start(len(body))
        self.wfile.write(body)

    def raw(self, kind):   # the server unpacked the file
        self.start(len(TRUE))
        self.wfile.write(TRUE)

    def labelled(self, kind):   # the server says that gzip is an encoding of the transfer
        self.start(len(PACKED), encoding="gzip")
        self.wfile.write(PACKED)

    def short(self, kind):   # breaks off before the length that it promised
        self.start(len(PACKED))
        self.wfile.write(PACKED[:-100])

    def boastful(self, kind):   # a length that is no number
        self.start("many")
        self.wfile.write(PACKED)

    def endless(self, kind):
        self.start()
        for _ in range(1_000):   # 100 MB: not for ever, so that a client without a bound fails the test and not hangs
            self.wfile.write(bytes(100_000))

    def stall(self, kind):
        self.start(len(PACKED))
        self.wfile.write(PACKED[:10_000])
        self.wfile.flush()
        self.server.half_sent.set()
        self.server.let_go.wait(30)

    def drip(self, kind):   # never silent for long, and never done
        self.start(len(PACKED))
        for i in range(400):
            self.wfile.write(PACKED[i:i + 1])
            self.wfile.flush()
            if self.server.let_go.wait(0.05):
                break

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.hung_up = [], threading.Event()
    server.half_sent, server.let_go = threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    server.address = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.let_go.set()
    server.shutdown()
    server.server_close()


def fetch(server, folder, *kinds, timeout=20.0):
    return download.fetch(folder, NAME, SHAPE, SHA256, [f"{server.address}/{kind}/" for kind in kinds], timeout)


def assert_whole(path, folder):
    assert path == folder / NAME
    assert path.read_bytes() == TRUE
    assert os.listdir(folder) == [NAME]   # and no temporary file left
    np.testing.assert_array_equal(read_idx(path, SHAPE, SHA256), VALUES)


@pytest.mark.parametrize("kind", ["good", "raw", "labelled"])
def test_a_true_file_is_stored_unpacked(server, tmp_path, kind):
    assert_whole(fetch(server, tmp_path / "new" / "folder", kind), tmp_path / "new" / "folder")


def test_a_class_may_read_the_file(server, tmp_path):
    (tmp_path / "plain").touch()
    assert fetch(server, tmp_path, "good").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("kind, reason", [
    *((kind, reason) for kind, (_, reason) in BODIES.items()),
    ("down", "404"), ("short", "broke off|cut off"), ("boastful", "many"), ("endless", "longer than expected"),
])
def test_a_hostile_mirror_is_refused_and_the_next_is_tried(server, tmp_path, kind, reason):
    with pytest.raises(DataError, match=reason) as caught:
        fetch(server, tmp_path, kind)
    assert f"{server.address}/{kind}/{NAME}.gz" in str(caught.value)
    assert os.listdir(tmp_path) == []
    assert_whole(fetch(server, tmp_path, kind, "good"), tmp_path)


def test_an_endless_body_is_cut_off(server, tmp_path):
    with pytest.raises(DataError, match="longer than expected"):
        fetch(server, tmp_path, "endless")
    assert server.hung_up.wait(20)   # the server could not send its 100 MB


def test_a_silent_mirror_is_given_up(server, tmp_path):
    with pytest.raises(DataError, match=r"no answer for 0\.5 seconds"):
        fetch(server, tmp_path, "stall", timeout=0.5)
    assert os.listdir(tmp_path) == []


def test_a_dripping_mirror_is_given_up(server, tmp_path):
    # Read to its end this mirror would be 'cut off'. 'No answer' is what a very busy machine may say.
    with pytest.raises(DataError, match=r"too slow|no answer for 1 "):
        fetch(server, tmp_path, "drip", timeout=1.0)
    assert os.listdir(tmp_path) == []


def test_a_closed_port(server, tmp_path):
    closed = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    closed.server_close()
    mirrors = [f"http://127.0.0.1:{closed.server_port}", f"{server.address}/good"]   # with and without a last slash
    with pytest.raises(DataError, match="can't be reached"):
        download.fetch(tmp_path, NAME, SHAPE, SHA256, mirrors[:1])
    assert_whole(download.fetch(tmp_path, NAME, SHAPE, SHA256, mirrors), tmp_path)


def test_the_whole_row_of_mirrors(server, tmp_path):
    kinds = ["down", *BODIES, "short", "endless"]
    with pytest.raises(DataError) as caught:
        fetch(server, tmp_path, *kinds)
    assert [line.split("/")[3] for line in str(caught.value).splitlines()] == kinds   # one line each, in order
    assert_whole(fetch(server, tmp_path, *kinds, "good", "raw"), tmp_path)
    assert f"/raw/{NAME}.gz" not in server.asked   # nobody is asked after success


def test_memory_is_bounded(server, tmp_path):
    fetch(server, tmp_path / "warm", "good")   # imports and buffers
    for kind in ("bomb", "endless"):
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="longer than"):
                fetch(server, tmp_path / "cold", kind)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()


def test_killed_and_tried_again(server, tmp_path):
    script = ("import sys; from vae_lesson.download import fetch\n"
              "fetch(sys.argv[1], sys.argv[2], (40, 28, 28), sys.argv[3], [sys.argv[4]], timeout=60)")
    address = f"{server.address}/stall/"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path), NAME, SHA256, address],
                          stderr=subprocess.DEVNULL) as process:
        assert server.half_sent.wait(60)
        process.kill()
    assert process.returncode != 0
    assert not (tmp_path / NAME).exists()
    assert_whole(fetch(server, tmp_path, "good"), tmp_path)


def test_interrupted_while_writing(server, tmp_path, monkeypatch):
    def interrupted(file):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(server, tmp_path, "good")
    assert os.listdir(tmp_path) == []
    assert_whole(fetch(server, tmp_path, "good"), tmp_path)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="file"):
        fetch(server, tmp_path / "file", "good")
    assert (tmp_path / "file").read_text() == "in the way"
