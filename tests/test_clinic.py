"""The bug clinic: each ward replaces parts of the healthy program, and shows the symptom that its page speaks of."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vae_lesson import clinic, data
from vae_lesson.clinic import program
from vae_lesson.objective import gaussian_kl, k_sample_bound


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def patients(digits):
    """Each ward that trains, and the healthy program under None, after three epochs."""
    wards = [None, *clinic.WARDS[:6]]
    return {ward: clinic.run(ward, digits.train.images[:1500], digits.held_out.images, epochs=3) for ward in wards}


@pytest.mark.parametrize("ward", clinic.WARDS, ids=lambda ward: ward.__name__[-1])
def test_a_ward_holds_a_broken_part_and_nothing_else(ward):
    functions = {name: value for name, value in vars(ward).items() if inspect.isfunction(value)}
    parts = {name for name, function in functions.items() if function.__module__ == ward.__name__}
    assert parts - {"log_likelihood"} <= set(program.HEALTHY) and 1 <= len(parts) <= 2
    for name in parts & set(program.HEALTHY):
        assert list(inspect.signature(getattr(ward, name)).parameters) == list(
            inspect.signature(program.HEALTHY[name]).parameters
        )


def test_the_healthy_parts_are_the_packages():
    mu, log_var = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(program.kl(mu, log_var).sum(-1), gaussian_kl(mu, log_var))
    train, test = program.split(torch.randperm(600))
    assert (len(train), len(test), len(set(train.tolist()) | set(test.tolist()))) == (400, 200, 600)


def test_the_healthy_bound_is_the_packages(patients, digits):
    model, x = patients[None].model, data.binarize(digits.held_out.images[:5])
    wanted = k_sample_bound(model, x, 4, torch.Generator().manual_seed(0))
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu.expand(4, 5, 5), log_var.expand(4, 5, 5), torch.Generator().manual_seed(0))
    log_joint = model.decode(z).log_prob(x) + torch.distributions.Normal(0, 1).log_prob(z).sum(-1)
    log_q = torch.distributions.Normal(mu, (0.5 * log_var).exp()).log_prob(z).sum(-1)
    np.testing.assert_allclose(program.bound(log_joint.numpy(), log_q.numpy()), wanted, atol=1e-3)


def test_a_run_can_be_repeated_and_leaves_torchs_generator_alone(digits):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, two = (clinic.run(None, digits.train.images[:300], digits.held_out.images[:50], epochs=1) for _ in range(2))
    assert one.claimed == two.claimed and one.measured == two.measured
    assert torch.equal(before, torch.get_rng_state())


def test_the_symptoms(patients):
    claimed = {ward: chart.claimed[-1] for ward, chart in patients.items()}
    last = {ward: chart.measured[-1] for ward, chart in patients.items()}
    assert last[None].rate > 2 and last[None].active_units >= 3 and abs(claimed[None] - last[None].elbo) < 20
    assert claimed[clinic.ward_1] > 1000 and last[clinic.ward_1].rate > 1000
    assert -0.4 < claimed[clinic.ward_2] < -0.2 and last[clinic.ward_2].rate < 0.05
    assert claimed[clinic.ward_3] < -200 and last[clinic.ward_3].rate < 0.05
    assert last[clinic.ward_4].elbo < last[None].elbo - 10 and last[clinic.ward_4].rate > 0.1
    assert claimed[clinic.ward_5] > last[clinic.ward_5].elbo + 3 and last[clinic.ward_5].rate < last[None].rate
    assert abs(last[clinic.ward_6].elbo - last[None].elbo) < 8


def test_a_ward_without_parts_is_refused(digits):
    with pytest.raises(ValueError, match=r"ward is .*drow.* wanted .*pixels, draw"):
        clinic.run(SimpleNamespace(drow=program.draw), digits.train.images[:100], digits.held_out.images[:10])
