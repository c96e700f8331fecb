"""The figures of a trained VAE: each against a computation of its own."""

import numpy as np
import pytest
import torch

from vae_lesson.evaluate import activity, evaluate
from vae_lesson.evidence import importance_sampled
from vae_lesson.model import VAE
from vae_lesson.objective import gaussian_kl


def make(latent_dim=3, likelihood="gaussian"):
    torch.manual_seed(0)
    model = VAE(latent_dim, (6, 5), likelihood, image_shape=(2, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return model


IMAGES = torch.rand(70, 2, 3, generator=torch.Generator().manual_seed(0))


def test_rate_and_elbo_are_the_means():
    model = make()
    with torch.no_grad():
        mu, log_var = model.encode(IMAGES)
    score = evaluate(model, IMAGES, batch_size=32)
    assert score.rate == pytest.approx(gaussian_kl(mu, log_var).mean().item(), rel=1e-5)
    assert score.elbo == -(score.rate + score.distortion)
    assert score.log_evidence is None


def test_active_units_are_those_whose_mean_moves():
    model = make()
    with torch.no_grad():
        model.encoder[-1].weight[1] = 0   # the second latent's mean is then the same for every image
    assert evaluate(model, IMAGES, batch_size=32).active_units == 2
    means = model.encode(IMAGES)[0].detach()
    np.testing.assert_allclose(activity(means), np.var(means.numpy(), axis=0), rtol=1e-5, atol=1e-9)
    assert activity(means)[1] == 0


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_log_evidence_is_the_mean_over_all_images(likelihood):
    model = make(1, likelihood)
    images = IMAGES if likelihood == "gaussian" else IMAGES.round()
    score = evaluate(model, images, batch_size=32, importance_samples=3000)
    alone = importance_sampled(model, images, samples=3000, generator=torch.Generator().manual_seed(9))
    assert score.log_evidence == pytest.approx(alone.log_estimate.mean(), abs=5 * alone.standard_error.mean() / 70**0.5)
    assert score.elbo < score.log_evidence


def test_refuses():
    with pytest.raises(ValueError, match="at least one image"):
        evaluate(make(), IMAGES[:0])
    with pytest.raises(ValueError, match="importance_samples must be a whole number, 0 or more, not -1"):
        evaluate(make(), IMAGES, importance_samples=-1)
