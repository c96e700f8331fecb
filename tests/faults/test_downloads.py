"""A hostile mirror leaves no unverified file, takes no memory or time without bound, and is named in plain words.

Each attack is the bytes that a server on this machine sends. A fresh process downloads from it, so that its peak memory
is the attack's. Every endless attack would go on far longer than the test may last.
"""

import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import signal
import socketserver
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest

from vae_lesson.download import fetch
from vae_lesson.idx import DataError, idx_size

NAME = "train-images-idx3-ubyte"
SHAPE = (10_000, 28, 28)
LIMIT = idx_size(SHAPE)   # 7.8 MB
TRUE = struct.pack(">BBBB3I", 0, 0, 8, 3, *SHAPE) + np.random.default_rng(0).bytes(LIMIT - 16)
SHA256 = hashlib.sha256(TRUE).hexdigest()
PACKED = gzip.compress(TRUE, 1)
MEGABYTE = bytes(2**20)


def answer(body=b"", status="200 OK", **headers):
    lines = [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close", "", ""]).encode() + body


def for_ever(piece, start=b"", pause=0.0):
    """A function that sends `start`, then `piece` without end: until the client hangs up, or a gigabyte was sent."""
    def pieces():
        yield start
        for _ in range(2**30 // max(len(piece), 2**10)):
            time.sleep(pause)
            yield piece
    return pieces


def bomb(megabytes):
    """A gzip file that unpacks to so many megabytes of zeros, a thousandth as long."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + again * (megabytes - 1)


CHUNKED = answer(Transfer_Encoding="chunked")
TO_ITSELF = answer(status="302 Found", Location=f"{NAME}.gz")
HEADERS = b"HTTP/1.1 200 OK\r\n"
LATE = "no answer|too slow"   # a busy machine may take the one for the other

ATTACKS = {   # what the server sends, and what is said about it
    "truncated": (answer(PACKED[:-100], Content_Length=len(PACKED) - 100), "cut off"),
    "one byte more": (answer(PACKED + b"\0"), "1 bytes follow"),
    "one pixel more": (answer(gzip.compress(TRUE + b"\0", 1)), "longer than"),
    "wrong hash": (answer(gzip.compress(TRUE[:-1] + bytes([TRUE[-1] ^ 1]), 1)), "other content than expected"),
    "a page of HTML": (answer(b"<!DOCTYPE html><title>Sign in to the wireless network</title>"), "not an IDX file"),
    "length too large": (answer(PACKED, Content_Length=len(PACKED) + 1), "broke off"),
    "length too small": (answer(PACKED, Content_Length=len(PACKED) - 1), "cut off"),
    "length below zero": (answer(PACKED[:-1], Content_Length=-1), "cut off"),
    "404": (answer(b"<html>not here", "404 Not Found"), "404"),
    "500": (answer(PACKED, "500 Internal Server Error"), "500"),   # in spite of the true file
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "broke off"),
    "hangs up": (b"", "broke off"),
    "redirection to a local file": (answer(status="302 Found", Location="file:///dev/zero"), "file:///dev/zero"),
    "redirection to itself": (TO_ITSELF, "redirects"),
    "redirection, endless body": (for_ever(MEGABYTE, TO_ITSELF), "redirects"),
    "endless body": (for_ever(MEGABYTE, answer()), "longer than expected"),
    "endless chunks": (for_ever(b"100000\r\n" + MEGABYTE + b"\r\n", CHUNKED), "longer than expected"),
    "gzip bomb": (answer(bomb(1_000)), "longer than"),
    "gzip bomb as an encoding": (answer(bomb(1_000), Content_Encoding="gzip"), "longer than"),
    "gzip bomb on an error page": (answer(bomb(1_000), "404 Not Found", Content_Encoding="gzip"), "404"),
    "endless header": (for_ever(MEGABYTE, HEADERS + b"X: "), "broke off"),
    "endless headers": (for_ever(b"X: y\r\n" * 1_000, HEADERS), "broke off"),
    "no answer": (for_ever(b"", pause=0.1), LATE),   # from here on, only time tells
    "silent half-way": (for_ever(b"", answer(PACKED[:10_000]), 0.1), LATE),
    "dripping body": (for_ever(b"\0", answer(), 0.1), LATE),
    "dripping header": (for_ever(b"x", HEADERS + b"X: ", 0.1), LATE),
    "'continue' for ever": (for_ever(b"HTTP/1.1 100 Continue\r\n\r\n"), LATE),
    "dripping chunk size": (for_ever(b"0", CHUNKED, 0.1), LATE),
    "dripping trailers": (for_ever(b"X: y\r\n", CHUNKED + b"0\r\n", 0.1), LATE),
}


class Mirror(socketserver.BaseRequestHandler):
    """Sends the answer that the first part of the path names."""

    def handle(self):
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += self.request.recv(65_536)
        kind = request.split(b"/")[1].decode().replace("%20", " ").replace("%27", "'")
        sent = answer(PACKED) if kind == "good" else ATTACKS[kind][0]
        try:
            for piece in sent() if callable(sent) else [sent]:
                self.request.sendall(piece)
                if self.server.over.is_set():
                    break
        except OSError:
            pass   # the client has had enough


@pytest.fixture
def mirror(monkeypatch):
    """The address of the server; its folders are the attacks, and 'good'."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mirror) as server:
        server.daemon_threads, server.over = True, threading.Event()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.over.set()
        server.shutdown()


# /proc, not getrusage: the latter counts in the memory of the process that started this one.
ATTACKED = """
import json, os, re, sys, time
from vae_lesson import download
name, shape, sha256, folder, mirror, attacks = json.loads(sys.argv[1])
def memory(what):
    return int(re.search(what + r":\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
def fetch(kind, timeout=60):
    return str(download.fetch(os.path.join(folder, kind), name, shape, sha256, [mirror + kind], timeout))
fetch("good")
for attack in attacks:
    if attack == "no answer":
        download.SLOWEST = 8_000_000
    open("/proc/self/clear_refs", "w").write("5")   # the peak starts anew
    before, start = memory("VmRSS"), time.monotonic()
    try:
        kind, said = "accepted", fetch(attack, 60 if download.SLOWEST == 20_000 else 1)
    except Exception as error:
        kind, said = type(error).__name__, str(error)
    print(json.dumps([attack, kind, said, time.monotonic() - start, memory("VmHWM") - before]), flush=True)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="peak memory is read as Linux tells it")
def test_every_attack_is_refused_in_bounded_memory_and_time(mirror, tmp_path, figure):
    task = json.dumps([NAME, SHAPE, SHA256, str(tmp_path), mirror, list(ATTACKS)])
    done = subprocess.run([sys.executable, "-c", ATTACKED, task], capture_output=True, text=True, timeout=900)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    megabytes = LIMIT / 1e6
    for attack, kind, _, seconds, peak in results:
        figure(f"download: {attack}", f"refused, memory < {4 * megabytes:.0f} MB",
               f"{kind}, {peak:.0f} MB, {seconds:.1f} s")
    assert [result[0] for result in results] == list(ATTACKS), done.stderr
    for attack, kind, said, _, peak in results:
        assert kind == "DataError" and re.search(ATTACKS[attack][1], said), (attack, kind, said)
        assert "Traceback" not in said and len(said.splitlines()) == 1 and len(said) < 400, said   # plain words
        assert os.listdir(tmp_path / attack) == [] if (tmp_path / attack).exists() else True, attack
        assert peak < 4 * megabytes, (attack, peak)
    assert (tmp_path / "good" / NAME).read_bytes() == TRUE


def test_the_first_mirror_is_down(mirror, tmp_path, figure):
    nobody = ["http://127.0.0.1:9/", "http://nobody.invalid/"]   # a port and a name that nobody has
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, NAME, SHAPE, SHA256, nobody)
    path = fetch(tmp_path, NAME, SHAPE, SHA256, [*nobody, mirror + "404", mirror + "good"])
    figure("download: first mirrors down", "the next one serves", f"{len(nobody) + 1} down, whole file")
    assert str(caught.value).count("can't be reached") == 2
    assert path.read_bytes() == TRUE and os.listdir(tmp_path) == [NAME]


INTERRUPTED = """
import json, os, signal, sys, time
from vae_lesson import download
signal.signal(signal.SIGINT, signal.default_int_handler)   # a job in the background is started deaf to Ctrl-C
arguments, at = json.loads(sys.argv[1])
def stop(*_):
    print("here", flush=True)
    time.sleep(60)
if at != "random":
    setattr(download.tqdm if at == "update" else os, at, stop)
else:
    print("here", flush=True)
download.fetch(*arguments)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupted_and_tried_again(mirror, tmp_path, whole, figure):
    """Stopped as the body comes, when the temporary file is written, before it gets its name, and at random."""
    moments = ["update", "fsync", "replace"] + ["random"] * (60 if whole else 2)
    kills = [(how, moment) for how in (signal.SIGKILL, signal.SIGINT) for moment in moments]
    arguments = [str(tmp_path), NAME, SHAPE, SHA256, [mirror + "good"]]
    rng, unverified, left = random.Random(0), [], []
    for how, moment in kills:
        task = json.dumps([arguments, moment])
        with subprocess.Popen([sys.executable, "-c", INTERRUPTED, task], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            assert process.stdout.readline() == b"here\n"
            if moment == "random":
                time.sleep(rng.uniform(0, 0.3))
            while process.poll() is None:   # Python may lose a Ctrl-C that comes while it collects garbage
                process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
        files = set(os.listdir(tmp_path))
        if NAME in files and (tmp_path / NAME).read_bytes() != TRUE:
            unverified.append((how, moment))
        if how == signal.SIGINT and moment != "random" and files:   # it had the time to clean up
            left.append((how, moment))
        (tmp_path / NAME).unlink(missing_ok=True)
        if fetch(*arguments).read_bytes() != TRUE or os.listdir(tmp_path) != [NAME]:
            left.append((how, moment))
        (tmp_path / NAME).unlink()
    figure("download: kill -9 and Ctrl-C, tried again", "whole file, nothing left over",
           f"{len(kills) - len({*unverified, *left})} of {len(kills)}")
    assert not unverified and not left, (unverified, left)


def test_a_rival_stores_the_file_first(mirror, tmp_path, figure, monkeypatch):
    """A class downloads into one folder at once: who finishes first sweeps what the others have in hand."""
    fsync, rivals = os.fsync, []

    def overtaken(file):
        fsync(file)
        if not rivals:
            rivals.append(True)
            rivals.append(fetch(tmp_path, NAME, SHAPE, SHA256, [mirror + "good"]))
    monkeypatch.setattr(os, "fsync", overtaken)
    path = fetch(tmp_path, NAME, SHAPE, SHA256, [mirror + "good"])
    figure("download: two at once in one folder", "one whole file for both", os.listdir(tmp_path) == [NAME])
    assert path == rivals[1] and path.read_bytes() == TRUE and os.listdir(tmp_path) == [NAME]
