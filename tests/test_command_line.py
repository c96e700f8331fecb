"""The command line: help that teaches, numbers that agree with the package's, messages and exit codes as expected."""

import re
import subprocess
import sys

import pytest
import torch

from vae_lesson.__main__ import main
from vae_lesson.data import SHAPES, Dataset, Split, load
from vae_lesson.evaluate import evaluate
from vae_lesson.run import Run

SMALL = ["--hidden", "8", "--batch-size", "500", "--device", "cpu"]


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, **options)


@pytest.fixture
def command(capsys):
    """Run a command here: its exit code, what it printed and what it complained of."""

    def run(*arguments):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as end:   # argparse's way
            code = end.code
        return code, *capsys.readouterr()

    return run


# help


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["lab", "train", "evaluate", "examples:", "--resume", "digits.pt"]),
        (["lab"], ["JupyterLab", "--port=9999"]),
        (
            ["train"],
            ["--data", "digits", "fashion-mnist", "offline", "--latent-dim", "map", "--epochs", "--device", "--save",
             "--resume", "Ctrl-C", "(default: 60)", "(default: 128)", "(default: 0.002)", "ELBO",
             "--seed", "--patience", "--beta"],
        ),
        (["evaluate"], ["checkpoint", "held-out", "--data", "--device"]),
    ],
)  # fmt: skip
def test_help_teaches(arguments, words, command):
    code, out, err = command(*arguments, "--help")
    assert code == 0 and err == ""
    for word in words:
        assert word in out, word
    assert "None" not in out and "False" not in out and out.count("(default: digits") <= 1 and "==SUPPRESS==" not in out


@pytest.mark.parametrize("script", ["import vae_lesson", "from vae_lesson.__main__ import main; main(['--help'])"])
def test_no_torch_for_an_import_or_for_help(script):
    script = f"""
import sys
try:
    {script}
finally:
    heavy = {{"torch", "numpy", "matplotlib", "jupyterlab", "sympy"}} & set(sys.modules)
    print("heavy:", sorted(heavy))
"""
    assert python("-c", script).stdout.endswith("heavy: []\n")


def test_help_as_a_reader_types_it():
    done = python("-X", "importtime", "-m", "vae_lesson", "--help")
    assert done.returncode == 0 and "evaluate" in done.stdout
    assert "argparse" in done.stderr and "torch" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train", "--fly"], ["train", "--epochs", "many"], ["evaluate"]])
def test_wrong_usage(arguments, command):
    code, out, err = command(*arguments)
    assert code == 2 and out == "" and "usage: python -m vae_lesson" in err


# train and evaluate


def test_train_evaluate_resume(command, tmp_path):
    whole, path = tmp_path / "whole.pt", tmp_path / "new folder" / "run.pt"
    code, out, err = command("train", *SMALL, "--epochs", 2, "--save", whole)
    assert code == 0 and "2/2" in err

    code, out, _ = command("train", *SMALL, "--epochs", 1, "--save", path)
    run, held_out = Run.load(path, "cpu"), load().held_out.images
    score = evaluate(run.model, held_out)
    assert code == 0 and run.epoch == 1 and run.history.held_elbo == [score.elbo]
    assert f"finished after epoch 1: held-out ELBO {score.elbo:.1f} nats an image " in out
    assert f"(rate {score.rate:.1f}, distortion {score.distortion:.1f})" in out
    assert f'evaluate "{path}"' in out   # a command that can be pasted, the space in its path included

    code, out, err = command("evaluate", path, "--device", "cpu")
    found = dict(re.findall(r"^  (\w+) +(-?[\d.]+)$", out, re.MULTILINE))
    assert code == 0 and err == "" and "1,000 held-out images of digits, nats an image" in out
    wanted = dict(elbo=score.elbo, rate=score.rate, distortion=score.distortion)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(wanted, abs=0.0051)
    assert f"latents in use: {score.active_units} of 2" in out
    assert found["elbo"].startswith("-")
    other = evaluate(run.model, held_out, seed=5).elbo
    assert f"{other:.2f}" in command("evaluate", path, "--seed", "5", "--device", "cpu")[1]

    code, out, _ = command("train", *SMALL, "--epochs", 2, "--save", path, "--resume")
    assert code == 0 and "going on after epoch 1" in out
    resumed, uninterrupted = Run.load(path, "cpu"), Run.load(whole, "cpu")
    assert resumed.history == uninterrupted.history
    for ours, theirs in zip(resumed.model.parameters(), uninterrupted.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_options_arrive(command, tmp_path):
    path = tmp_path / "run.pt"
    options = ["--latent-dim", 3, "--hidden", 9, 7, "--likelihood", "gaussian", "--sigma", 0.5, "--seed", 4]
    options += ["--batch-size", 2000, "--learning-rate", 0.01, "--beta", 0.5, "--epochs", 1, "--device", "cpu"]
    options += ["--precision", "medium", "--schedule", "one-cycle"]
    assert command("train", *options, "--save", path)[0] == 0
    run = Run.load(path, "cpu")
    assert run.model.config == dict(
        latent_dim=3, hidden=(9, 7), likelihood="gaussian", sigma=0.5, image_shape=(28, 28)
    )
    assert run.settings == dict(
        batch_size=2000, learning_rate=0.01, schedule="one-cycle", beta=0.5, k=1, precision="medium"
    )
    first = run.model.encoder[0].weight
    path.unlink()
    code, _, err = command("train", *options, "--k", 2, "--save", path)
    assert code == 1 and "beta must be 1 where k is more than 1, not 0.5" in err
    options[options.index("--seed") + 1] = 5
    assert command("train", *options, "--save", path)[0] == 0
    assert not torch.equal(first, Run.load(path, "cpu").model.encoder[0].weight)


def test_early_stopping_reports_the_parameters_that_it_returns(command, tmp_path):
    """A learning rate at which the ELBO soon falls, so that best and last epoch differ."""
    path = tmp_path / "run.pt"
    options = ["--learning-rate", 0.3, "--epochs", 30, "--patience", 1, "--save", path]
    code, out, _ = command("train", *SMALL, *options)
    run = Run.load(path, "cpu")
    assert code == 0 and "early after epoch" in out
    assert max(run.history.held_elbo) != run.history.held_elbo[-1]
    assert f"held-out ELBO {max(run.history.held_elbo):.1f} nats" in out


def test_resume_starts_where_there_is_nothing_yet(command, tmp_path):
    path = tmp_path / "run.pt"
    code, out, _ = command("train", *SMALL, "--epochs", 0, "--save", path, "--resume")
    assert code == 0 and "going on" not in out and Run.load(path, "cpu").epoch == 0


# errors: one line on stderr, code 1


def test_errors(command, tmp_path):
    (tmp_path / "old.pt").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    for file in SHAPES:
        (tmp_path / "folder" / file).write_bytes(b"no images")
    old = tmp_path / "old.pt"
    for arguments, message in [
        (["train", "--save", old], r"old.pt exists: add --resume to go on from it, or name another file"),
        (["train", "--save", old, "--resume"], r"old.pt is not a checkpoint of this course"),
        (["train", "--resume"], r"--resume needs --save FILE"),
        (["train", *SMALL, "--save", old / "a.pt"], r"can't write checkpoint .*a.pt \(0.\d MiB needed\)"),
        (["train", "--device", "abacus"], r"device 'abacus' can't be used here"),
        (["train", "--epochs", "-1"], r"epochs must be a whole number, 0 or more, not -1"),
        (["train", "--latent-dim", "0"], r"latent_dim must be .*not \(0,\)"),
        (["train", "--sigma", "0.1"], r"sigma must be .* only for the gaussian likelihood"),
        (["train", *SMALL, "--learning-rate", "1e20"], r"the \w+ is not finite .*lower the learning rate"),
        (["train", "--data", "mnist", "--data-dir", tmp_path / "folder"], r".*train-images-idx3-ubyte"),
        (["evaluate", tmp_path / "none.pt"], r"can't read checkpoint .*none.pt: No such file"),
        (["evaluate", tmp_path / "folder"], r"can't read checkpoint .*folder"),
        (["evaluate", old], r"old.pt is not a checkpoint of this course"),
    ]:
        code, out, err = command(*arguments)
        assert code == 1 and out == "", arguments
        assert re.search(rf"^vae_lesson {arguments[0]}: .*{message}", err, re.MULTILINE), (arguments, err)
        assert "Traceback" not in err
    assert old.read_bytes() == b"old"


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_cuda_without_a_gpu(command, tmp_path):
    wanted = "device 'cuda' can't be used here; this machine has "
    code, out, err = command("train", "--device", "cuda", "--epochs", 1)
    assert code == 1 and out == "" and f"vae_lesson train: {wanted}" in err and err.count("\n") == 1
    assert command("train", *SMALL, "--epochs", 0, "--save", tmp_path / "a.pt")[0] == 0
    code, _, err = command("evaluate", tmp_path / "a.pt", "--device", "cuda")
    assert code == 1 and f"vae_lesson evaluate: {wanted}" in err


# importance sampling


def test_evaluate_with_importance_samples(command, tmp_path):
    path = tmp_path / "run.pt"
    assert command("train", *SMALL, "--epochs", 1, "--k", 2, "--save", path)[0] == 0
    assert Run.load(path, "cpu").settings["k"] == 2
    code, out, err = command("evaluate", path, "--device", "cpu", "--samples", 2)
    figures = dict(re.findall(r"^  (elbo|log p\(x\)) +(-?[\d.]+)", out, re.MULTILINE))
    assert code == 0 and "1000/1000" in err and "(2 importance samples an image)" in out
    assert float(figures["elbo"]) < float(figures["log p(x)"]) < 0


def test_iwae_prints_a_row_for_each_k(command, monkeypatch):
    digits = load()
    tiny = Split("digits", *(Dataset(part.images[:64], part.labels[:64]) for part in (digits.train, digits.held_out)))
    monkeypatch.setattr("vae_lesson.data.load", lambda name, folder: tiny)
    code, out, _ = command("iwae", "--ks", 1, 5, 7, "--epochs", 1, "--samples", 3, "--device", "cpu")
    rows = [line.split() for line in out.splitlines()[1:4]]
    assert code == 0 and [row[0] for row in rows] == ["1", "5", "7"]
    assert [row[4:] for row in rows] == [["-86.76"], ["-85.54"], []]
    for _, elbo, log_evidence, active, *_ in rows:
        assert -600 < float(elbo) < float(log_evidence) < 0 and 0 <= int(active) <= 50
