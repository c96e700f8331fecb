"""The noise of a step, where the step's own GPU draws it: anew at each step, and all of it from the run's generator."""

import pytest
import torch

from vae_lesson.data import binarize
from vae_lesson.step import dice_of, set_anew

DEVICES = ["cpu", *["cuda"] * torch.cuda.is_available()]


def draws(device, seed, steps):
    """Standard normal numbers of so many steps, and the source's state after them."""
    source, there = torch.Generator().manual_seed(seed), torch.Generator(device)
    found = [torch.randn(20_000, generator=set_anew(there, source), device=device).cpu() for _ in range(steps)]
    return torch.stack(found), source.get_state()


@pytest.mark.parametrize("device", DEVICES)
def test_each_step_draws_other_noise_of_the_right_kind(device):
    noise, _ = draws(device, 0, 100)
    assert noise.mean().item() == pytest.approx(0, abs=4 / 2e6**0.5)
    assert noise.var().item() == pytest.approx(1, abs=4 * (2 / 2e6) ** 0.5)
    correlations = torch.corrcoef(noise) - torch.eye(100)  # of two steps: sd 1 / sqrt(20,000)
    assert correlations.abs().max().item() < 6 / 20_000**0.5
    assert correlations.std().item() == pytest.approx(20_000**-0.5, rel=0.1)


@pytest.mark.parametrize("device", DEVICES)
def test_a_source_leads_to_the_same_noise_again_and_another_does_not(device):
    (first, state), (again, state_again), (other, _) = (draws(device, seed, 3) for seed in (0, 0, 1))
    assert torch.equal(first, again) and torch.equal(state, state_again)
    assert not torch.equal(state, torch.Generator().manual_seed(0).get_state())  # the run's generator has moved on
    assert not (first == other).any(1).all()


@pytest.mark.parametrize("device", DEVICES)
def test_a_pixel_is_white_as_often_as_it_is_bright(device):
    grey = torch.linspace(0, 1, 11, device=device)
    there, source, steps = torch.Generator(device), torch.Generator().manual_seed(0), 100
    white = sum(binarize(grey.expand(1000, 11), set_anew(there, source)).mean(0) for _ in range(steps)) / steps
    error = (grey * (1 - grey) / 1000 / steps).sqrt()
    assert ((white - grey).abs() <= 4 * error).all()  # exactly at 0 and 1


def test_a_cpu_draws_from_the_run_itself():
    generator = torch.Generator()
    assert dice_of(generator, torch.device("cpu"))() is generator
