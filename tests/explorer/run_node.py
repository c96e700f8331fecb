"""The widgets' JavaScript under node."""

import json
import os
import shutil
import subprocess

import pytest

from vae_lesson.explorer.bundle import HERE, bundle


def node(code, data=None):
    """What a module prints under node, as JSON; `HERE` in it is the package's folder, `input` is `data`."""
    executable = shutil.which("node")
    if not executable:  # without node the test is skipped, but under CI it fails
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs node (Debian, Ubuntu: apt install nodejs)")
    read = "const input = JSON.parse(await new Response(process.stdin).text());\n"
    done = subprocess.run(
        [executable, "--input-type=module", "--eval", code.replace("HERE", HERE.as_uri()).replace("// read\n", read)],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def offers_render(entry, folder):
    """Whether a widget's bundle is one valid module that offers `render`."""
    (folder / "bundle.mjs").write_text(bundle(entry), encoding="utf-8")
    address = (folder / "bundle.mjs").as_uri()
    return node(f"const m = await import({address!r}); console.log(typeof m.default.render === 'function');")
