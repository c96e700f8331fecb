"""Messages between page and kernel leave at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

import vae_lesson
from vae_lesson.websocket import PromptConnection


def test_switches_nagle_off_before_it_connects(monkeypatch):
    calls = Mock()
    calls.connect.return_value = "connected"
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: calls.connect())

    class Connection(PromptConnection):
        websocket_handler = calls   # in place of a trait that takes nothing but tornado's handler

    assert Connection.__new__(Connection).connect() == "connected"
    assert [call[:2] for call in calls.method_calls] == [("set_nodelay", (True,)), ("connect", ())]


def test_the_course_server_takes_it(tmp_path):
    folder = Path(vae_lesson.__file__).parent / "lab_config"
    environment = os.environ | {"JUPYTER_CONFIG_PATH": str(folder), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "jupyterlab", "--show-config-json"],
        env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )
    config = json.loads(done.stdout[done.stdout.index("{"):])
    named = config["ServerApp"]["kernel_websocket_connection_class"]
    assert named == f"{PromptConnection.__module__}.PromptConnection"
