"""Open the course in JupyterLab, in the reader's own copies, with the few settings that a fresh machine needs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vae_lesson.working_copies import WorkingCopies

PACKAGE = Path(__file__).parent
NOTEBOOKS = PACKAGE.parent / "notebooks"
WORK = Path(os.environ.get("VAE_LESSON_WORK") or PACKAGE.parent / "work").absolute()


def working_copies() -> WorkingCopies:
    """The reader's copies of the course's notebooks.

    Raises:
        FileNotFoundError: the notebooks are not beside the package.
    """
    if not NOTEBOOKS.is_dir():
        raise FileNotFoundError(f"no notebooks at {NOTEBOOKS}: work in a clone, where `make lab` installs the package")
    return WorkingCopies(NOTEBOOKS, WORK)


def reset(lessons: Sequence[str]) -> None:
    """Start lessons afresh, and print where the reader's copies are kept.

    Args:
        lessons: how their names begin, such as "05"; or "all".

    Raises:
        ValueError: a name fits no lesson; then nothing is done.
        OSError: the notebooks are not beside the package, or a copy can't be written.
    """
    copies = working_copies()
    chosen = set()
    for wanted in lessons:
        names = [name for name in copies.names() if wanted == "all" or str(name).startswith(wanted)]
        if not names:
            raise ValueError(f"no lesson {wanted!r}; the course has {', '.join(name.stem for name in copies.names())}")
        chosen.update(names)
    for name in sorted(chosen):
        kept = ", ".join(path.name for path in copies.reset(name))
        print(f"{name.stem}: afresh" + (f"; yours is now in {WORK.name}/kept: {kept}" if kept else ""))


def lab(arguments: list[str]) -> None:
    """Start JupyterLab on working copies of the notebooks and stay until it ends.

    It listens on localhost with a token, and takes the next port when its own is busy: JupyterLab's own defaults.

    Args:
        arguments: passed on to JupyterLab, such as ["--no-browser", "--port=9999"].

    Raises:
        OSError: the notebooks are not beside the package, or the copies can't be written.
    """
    copies = working_copies()
    try:
        news = copies.update()
    except OSError as error:
        reason = f"{error.strerror or error}; VAE_LESSON_WORK names another folder"
        raise OSError(f"can't write copies of the lessons in {WORK}: {reason}") from error
    print(*news, sep="\n", end="\n" if news else "", flush=True)
    # Our folder holds three settings: it opens at page 00, asks nothing about news, and sends to the kernel at once.
    paths = [str(PACKAGE / "lab_config"), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    # Kernels are started as "python": the one that runs this must come first.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root, as in containers, is refused otherwise
        arguments = ["--allow-root", *arguments]

    from jupyterlab.labapp import main

    main([str(WORK), *arguments])
