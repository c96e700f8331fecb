"""Open the course in JupyterLab: the settings that a fresh machine needs, and nothing else changed."""

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
NOTEBOOKS = PACKAGE.parent / "notebooks"


def lab(arguments: list[str]) -> None:
    """Start JupyterLab on the notebooks and stay until it ends.

    It listens on localhost with a token, and takes the next port when its own is busy: JupyterLab's own defaults.

    Args:
        arguments: passed on to JupyterLab, such as ["--no-browser", "--port=9999"].

    Raises:
        FileNotFoundError: the notebooks are not beside the package.
    """
    if not NOTEBOOKS.is_dir():
        raise FileNotFoundError(f"no notebooks at {NOTEBOOKS}: work in a clone, where `make lab` installs the package")
    # Our folder holds two settings: no question about news at the first start, and no delay on the way to the kernel.
    paths = [str(PACKAGE / "lab_config"), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    # Kernels are started as "python": the one that runs this must come first.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root, as in containers, is refused otherwise
        arguments = ["--allow-root", *arguments]

    from jupyterlab.labapp import main

    main([str(NOTEBOOKS), *arguments])
