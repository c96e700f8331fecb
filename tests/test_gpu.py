"""A model on a GPU serves wherever one on the CPU does, and gives the same numbers to rounding.

Noise of training apart, which a GPU draws itself: there the tests give it the CPU's.
"""

from copy import deepcopy

import numpy as np
import pytest
import torch

from vae_lesson import explorer, step
from vae_lesson.data import binarize
from vae_lesson.evaluate import evaluate
from vae_lesson.evidence import grid_posterior, importance_sampled, k_sample
from vae_lesson.iwae import compare
from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")

GREY = torch.rand(150, 6, 6, generator=torch.Generator().manual_seed(0))
BINARY = binarize(GREY)
LABELS = torch.arange(150) % 10


def made(device, likelihood="bernoulli", **settings):
    """A run of four epochs, the last batch of each smaller."""
    torch.manual_seed(0)
    model = VAE(2, (16, 8), likelihood, image_shape=(6, 6))
    return train(model, GREY, GREY[:40], epochs=4, batch_size=16, device=device, progress=False, **settings)


@pytest.fixture(scope="module")
def pair():
    """The same trained model on both."""
    model = made("cpu").model
    return model, deepcopy(model).to("cuda")


@pytest.mark.parametrize(
    "settings",
    [{}, dict(k=5), dict(beta=4.0), dict(likelihood="gaussian"), dict(patience=1, learning_rate=0.1)],
    ids=str,
)
def test_training_on_the_same_noise_is_the_same(settings, monkeypatch):
    monkeypatch.setattr(step, "dice_of", lambda generator, device: lambda: generator)
    ours, theirs = made("cuda", **settings), made("cpu", **settings)
    assert {p.device.type for p in ours.model.parameters()} == {"cuda"}
    assert ours.stopped == theirs.stopped and torch.equal(ours.generator.get_state(), theirs.generator.get_state())
    for name, values in vars(theirs.history).items():
        assert vars(ours.history)[name] == pytest.approx(values, rel=1e-3), name


def test_its_own_noise_comes_from_the_run_s_generator():
    one, again, other = (made("cuda", seed=seed).history.train_elbo for seed in (0, 0, 1))
    assert one == pytest.approx(again, rel=1e-6) and one != pytest.approx(other, rel=1e-5)
    cpu = made("cpu").history.train_elbo
    assert one == pytest.approx(cpu, rel=0.02) and one != pytest.approx(cpu, rel=1e-5)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_coarser_products_learn_as_much(precision):
    assert made("cuda", precision=precision).history.train_elbo[-1] == pytest.approx(
        made("cuda").history.train_elbo[-1], rel=1e-3
    )


@pytest.mark.parametrize("away, home", [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_run_goes_on_elsewhere(tmp_path, away, home, monkeypatch):
    run = made(away)
    run.save(tmp_path / "run.pt")
    moved = Run.load(tmp_path / "run.pt", home)
    assert {p.device.type for p in moved.model.parameters()} == {home}
    monkeypatch.setattr(step, "dice_of", lambda generator, device: lambda: generator)
    for other in (run, moved):
        train(other, GREY, GREY[:40], epochs=6, progress=False)
    assert moved.history.held_elbo == pytest.approx(run.history.held_elbo, rel=1e-3)


def test_measures_agree(pair):
    on_cpu, on_gpu = pair
    ours, theirs = (evaluate(model, GREY, importance_samples=50) for model in (on_gpu, on_cpu))
    assert tuple(ours) == pytest.approx(tuple(theirs), rel=1e-4)
    for proposal in ("q", "prior"):
        ours, theirs = (
            importance_sampled(
                model, BINARY[:40], samples=99, proposal=proposal, generator=torch.Generator().manual_seed(1)
            )
            for model in (on_gpu, on_cpu)
        )
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    ours, theirs = (
        k_sample(model, BINARY[:40], 5, repetitions=7, generator=torch.Generator().manual_seed(2))
        for model in (on_gpu, on_cpu)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    ours, theirs = (grid_posterior(model, BINARY[:3], points=21) for model in (on_gpu, on_cpu))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    ours, theirs = (model.sample(3, torch.Generator().manual_seed(3)).cpu() for model in (on_gpu, on_cpu))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_images_may_lie_there_too(pair):
    on_cpu, on_gpu = pair
    assert evaluate(on_gpu, GREY.to("cuda")).elbo == pytest.approx(evaluate(on_cpu, GREY).elbo, rel=1e-4)


def test_the_comparison_of_burda_et_al_runs_there():
    rows = list(compare(GREY, GREY[:20], ks=(1, 5), epochs=1, samples=20, device="cuda", progress=False))
    assert [row.k for row in rows] == [1, 5] and all(np.isfinite(row.score.log_evidence) for row in rows)


WIDGETS = {
    "LatentExplorer": (GREY, LABELS),
    "LatentWalk": (dict(first=(0.0, 0.0), second=(1.0, 1.0)), GREY, LABELS),
    "Interpolation": (GREY, LABELS),
    "DrawADigit": (GREY, LABELS),
    "PosteriorExplorer": (BINARY[:5], LABELS[:5]),
}


def alike(some, others):
    """Whether bytes are the same pixels, up to one of 255, or the same float32 numbers, to rounding."""
    if len(some) != len(others):
        return False
    pixels, other_pixels = (np.frombuffer(one, np.uint8).astype(int) for one in (some, others))
    if abs(pixels - other_pixels).max(initial=0) <= 1:
        return True
    return len(some) % 4 == 0 and np.allclose(*(np.frombuffer(one, "<f4") for one in (some, others)), 1e-3, 1e-4)


@pytest.mark.parametrize("name", WIDGETS)
@pytest.mark.parametrize("images_too", [False, True])
def test_widgets_show_the_same(pair, name, images_too):
    kind, given = getattr(explorer, name), WIDGETS[name]
    there = [one.to("cuda") if images_too and isinstance(one, torch.Tensor) else one for one in given]
    theirs, ours = kind(pair[0], *given), kind(pair[1], *there)
    assert ours.snapshot()[:4] == b"\x89PNG"
    if hasattr(theirs, "numbers"):
        assert ours.numbers == pytest.approx(theirs.numbers, rel=1e-3, abs=1e-3)
    for trait, value in theirs.trait_values(sync=True).items():
        if isinstance(value, bytes):
            assert alike(getattr(ours, trait), value), trait


def test_the_dashboard_watches_a_run_there():
    torch.manual_seed(0)
    model = VAE(2, (8,), image_shape=(6, 6))
    dashboard = explorer.TrainingDashboard(model, GREY, LABELS)
    run = train(model, GREY, epochs=2, device="cuda", on_epoch=dashboard, progress=False)
    dashboard.finish(run)
    assert dashboard.status == "finished after epoch 2" and dashboard.snapshot()[:4] == b"\x89PNG"
