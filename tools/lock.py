"""Write requirements.lock: what pip installs for the package and its tests in a new environment, each with its version.

    python tools/lock.py [torch==2.13.0]

A requirement named on the command line is installed first, which pins it.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def freeze(first: list[str]) -> list[str]:
    """Lines "name==version", sorted, of a new environment with the package and its test requirements."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = next(p for p in (Path(folder, "bin/python"), Path(folder, "Scripts/python.exe")) if p.exists())
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        for requirements in ([first] if first else []) + [[f"{ROOT}[test]"]]:
            subprocess.run([*pip, "install", "--quiet", *requirements], check=True)
        lines = subprocess.run([*pip, "freeze", "--exclude", "vae-lesson"], check=True, capture_output=True, text=True)
    # A build of torch for one machine (+cpu) must not bind the others, nor what only its CUDA build needs.
    names = [line.split("+")[0].strip() for line in lines.stdout.splitlines()]
    return sorted((line for line in names if not line.startswith(("nvidia-", "triton"))), key=str.lower)


if __name__ == "__main__":
    lines = freeze(sys.argv[1:])
    (ROOT / "requirements.lock").write_text(
        "# The tested versions, written by `make lock`; pyproject.toml has the ranges.\n" + "\n".join(lines) + "\n"
    )
    print(f"requirements.lock: {len(lines)} packages")
