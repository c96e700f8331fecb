"""The VAE: shapes, likelihoods against their formulas, bounds that keep numbers finite, randomness, messages."""

import math
import subprocess
import sys

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from vae_lesson.model import LOG_VAR_BOUND, VAE, standard_normal
from vae_lesson.objective import elbo

SHAPES = [(28, 28), (3, 8, 8), (5,)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("latent_dim", [1, 7])
def test_shapes(image_shape, likelihood, latent_dim):
    model = VAE(latent_dim, (12, 9), likelihood, image_shape=image_shape)
    x = torch.rand(4, *image_shape, generator=generator()).round()
    mu, log_var = model.encode(x)
    assert mu.shape == log_var.shape == (4, latent_dim)
    z = model.reparameterize(mu, log_var)
    assert z.shape == (4, latent_dim)
    likelihood_of_x = model.decode(z)
    assert likelihood_of_x.mean.shape == (4, *image_shape)
    assert likelihood_of_x.event_shape == image_shape and likelihood_of_x.log_prob(x).shape == (4,)
    assert model.sample(3).shape == (3, *image_shape)
    assert model.decode(torch.zeros(latent_dim)).mean.shape == image_shape
    assert model.decode(torch.zeros(2, 3, latent_dim)).mean.shape == (2, 3, *image_shape)
    sizes = [layer.out_features for layer in model.encoder if isinstance(layer, torch.nn.Linear)]
    assert sizes == [12, 9, 2 * latent_dim]
    sizes = [layer.out_features for layer in model.decoder if isinstance(layer, torch.nn.Linear)]
    assert sizes == [9, 12, math.prod(image_shape)]


# p(x|z)


@pytest.mark.parametrize("image_shape", SHAPES)
def test_bernoulli_is_cross_entropy_summed_over_pixels(image_shape):
    model = VAE(3, (8,), image_shape=image_shape).double()
    x = torch.rand(6, *image_shape, generator=generator(), dtype=torch.float64).round()
    z = 3 * torch.randn(6, 3, generator=generator(1), dtype=torch.float64)
    logits = model.decoder(z).reshape(x.shape)
    nats = binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(model.decode(z).log_prob(x), -nats, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.decode(z).mean, logits.sigmoid())


@pytest.mark.parametrize("sigma", [0.1, 1, 2.5, None])
@pytest.mark.parametrize("image_shape", SHAPES)
def test_gaussian_is_its_formula(sigma, image_shape):
    model = VAE(3, (8,), "gaussian", sigma=sigma, image_shape=image_shape).double()
    x = torch.rand(6, *image_shape, generator=generator(), dtype=torch.float64)
    z = torch.randn(6, 3, generator=generator(1), dtype=torch.float64)
    mean, s = model.decoder(z).reshape(x.shape).sigmoid(), model.log_sigma.exp().item()
    if sigma is not None:
        assert s == pytest.approx(sigma, rel=1e-6)
    wanted = (-((x - mean) ** 2) / (2 * s**2) - math.log(s) - 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)
    torch.testing.assert_close(model.decode(z).log_prob(x), wanted, rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(model.decode(z).mean, mean)


def test_sigma_is_learned_unless_given():
    x = torch.rand(5, 4, generator=generator())
    for sigma in (None, 0.5):
        model = VAE(2, (8,), "gaussian", sigma=sigma, image_shape=(4,))
        elbo(model, x).elbo.sum().backward()
        assert model.log_sigma.requires_grad is (sigma is None)
        assert (model.log_sigma.grad is not None) is (sigma is None)
        assert "log_sigma" in model.state_dict()   # saved in both cases
    assert not hasattr(VAE(2, (8,), image_shape=(4,)), "log_sigma")


def test_learned_sigma_ends_at_the_root_mean_square_error():
    model = VAE(1, (2,), "gaussian", image_shape=(50,))
    x = torch.rand(200, 50, generator=generator())
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
        model.decoder[-1].bias.zero_()   # every mean is 0.5
    optimizer = torch.optim.Adam([model.log_sigma], lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        elbo(model, x).distortion.mean().backward()
        optimizer.step()
    assert model.log_sigma.exp().item() == pytest.approx((x - 0.5).square().mean().sqrt().item(), rel=1e-3)


# numbers stay finite


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("scale", [1e6, -1e6])
def test_wild_encoder_gives_a_finite_bound_and_gradient(likelihood, scale):
    model = VAE(3, (8, 8), likelihood, image_shape=(4, 4))
    with torch.no_grad():
        model.encoder[-1].weight.mul_(scale)
    x = torch.rand(10, 4, 4, generator=generator()).round()
    bound = elbo(model, x, generator())
    assert all(term.isfinite().all() for term in bound)
    assert bound.rate.max() > 1e3   # the outputs were wild indeed
    bound.elbo.mean().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_log_var_is_bounded_odd_and_faithful_near_zero():
    model = VAE(1, (1,), image_shape=(1,)).double()
    x = torch.ones(1, 1, dtype=torch.float64)
    found = {}
    for value in (-1e4, -50.0, -1.0, 0.0, 1.0, 50.0, 1e4):
        with torch.no_grad():
            model.encoder[-1].weight.zero_()
            model.encoder[-1].bias.copy_(torch.tensor([2 * value, value]))
        mu, log_var = model.encode(x)
        assert mu.item() == 2 * value   # mu is first and free
        found[value] = log_var.item()
    assert all(abs(v) <= LOG_VAR_BOUND for v in found.values())
    assert list(found.values()) == sorted(found.values())
    assert found[1.0] == pytest.approx(1.0, rel=1e-3) and found[0.0] == 0
    for bound in (-LOG_VAR_BOUND, LOG_VAR_BOUND):
        assert 0 < torch.tensor(bound, dtype=torch.float32).exp() < torch.inf


# the start


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_decoder_starts_at_the_mean_image(likelihood):
    mean_image = 0.01 + 0.98 * torch.rand(3, 5, generator=generator())
    model = VAE(2, (8,), likelihood, image_shape=(3, 5), mean_image=mean_image)
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
    torch.testing.assert_close(model.decode(torch.randn(4, 2)).mean, mean_image.expand(4, 3, 5))


def test_black_and_white_pixels_of_the_mean_image_keep_the_start_finite():
    model = VAE(2, (8,), image_shape=(3,), mean_image=torch.tensor([0.0, 0.5, 1.0]))
    bias = model.decoder[-1].bias
    assert bias.isfinite().all() and bias[0] < -5 and bias[1] == 0 and bias[2] > 5
    x = torch.tensor([[1.0, 0.0, 0.0]])   # against the mean: dear, not impossible
    assert elbo(model, x).elbo.isfinite().all()


# randomness


def test_reparameterize_is_mu_plus_sigma_times_noise():
    mu = torch.randn(5, 3, generator=generator(), requires_grad=True)
    log_var = torch.randn(5, 3, generator=generator(1), requires_grad=True)
    model = VAE(3, (4,))
    z = model.reparameterize(mu, log_var, generator(2))
    noise = torch.randn(5, 3, generator=generator(2))
    torch.testing.assert_close(z, mu + log_var.exp().sqrt() * noise)
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(5, 3))
    torch.testing.assert_close(log_var.grad, (0.5 * log_var.exp().sqrt() * noise).detach())


def test_sample_comes_from_the_prior():
    model = VAE(2, (8,), image_shape=(4,))
    z = standard_normal((3, 2), generator(7), like=torch.zeros(1))
    torch.testing.assert_close(model.sample(3, generator(7)), model.decode(z).mean.detach())
    assert not model.sample(3).requires_grad
    z = standard_normal((20_000, 2), generator(), like=torch.zeros(1))
    assert z.mean(0).abs().max() < 0.04 and (z.std(0) - 1).abs().max() < 0.03


def test_same_generator_same_numbers():
    model, x = VAE(2, (8,), image_shape=(4,)), torch.ones(3, 4)
    first, again, other = (elbo(model, x, generator(seed)).elbo for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_noise_does_not_depend_on_defaults():
    """Neither on torch's default type, nor on its default device (where it would be drawn by another generator)."""
    wanted = torch.randn(3, 2, generator=generator())
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.equal(standard_normal((3, 2), generator(), like=torch.zeros(1, dtype=torch.float32)), wanted)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        found = standard_normal((3, 2), generator(), like=torch.zeros(1, device="cpu"))
    assert torch.equal(found, wanted)


def test_noise_does_not_depend_on_threads():
    script = (
        "import sys, torch; torch.set_num_threads(int(sys.argv[1])); from vae_lesson.model import standard_normal; "
        "z = standard_normal((500, 300), torch.Generator().manual_seed(3), like=torch.zeros(1)); "
        "print(torch.get_num_threads(), z.double().sum().item(), z[123, 45].item())"
    )
    runs = [subprocess.run([sys.executable, "-c", script, n], capture_output=True, text=True, check=True) for n in "12"]
    (one, *numbers), (two, *same) = (done.stdout.split() for done in runs)
    assert (one, two) == ("1", "2")
    assert float(numbers[0]) == pytest.approx(float(same[0]), abs=1e-9) and numbers[1] == same[1]


# messages: the argument, what came, what is wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(latent_dim=0), r"latent_dim must be .*positive whole numbers, not \(0,\)"),
        (dict(latent_dim=2.0), r"latent_dim must be .*positive whole numbers, not \(2.0,\)"),
        (dict(hidden=256), r"hidden must be .*positive whole numbers, not 256"),
        (dict(hidden=()), r"hidden must be .*positive whole numbers, not \(\)"),
        (dict(hidden=[8, -1]), r"hidden must be .*positive whole numbers, not \[8, -1\]"),
        (dict(image_shape=784), r"image_shape must be .*positive whole numbers, not 784"),
        (dict(image_shape=(28, 0)), r"image_shape must be .*positive whole numbers, not \(28, 0\)"),
        (dict(likelihood="poisson"), r"likelihood must be one of \('bernoulli', 'gaussian'\), not 'poisson'"),
        (dict(sigma=0.1), r"sigma must be .*only for the gaussian likelihood; got 0.1"),
        (dict(likelihood="gaussian", sigma=0), r"sigma must be a positive number.*got 0"),
        (dict(likelihood="gaussian", sigma=-0.5), r"sigma must be a positive number.*got -0.5"),
        (dict(likelihood="gaussian", sigma=math.nan), r"sigma must be a positive number.*got nan"),
        (dict(mean_image=torch.zeros(784)), r"mean_image must have shape \(28, 28\), not \(784,\)"),
        (dict(mean_image=torch.full((28, 28), 255.0)), r"mean_image must lie in \[0, 1\]"),
        (dict(mean_image=torch.full((28, 28), math.nan)), r"mean_image must lie in \[0, 1\]"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(**dict(dict(latent_dim=2, hidden=(4,)), **arguments))


def test_wrong_shapes():
    model = VAE(2, (4,), image_shape=(3, 5))
    with pytest.raises(ValueError, match=r"x must have shape \(batch, \*\(3, 5\)\), not \(3, 5\)"):
        model.encode(torch.zeros(3, 5))
    with pytest.raises(ValueError, match=r"x must have shape .* not \(2, 5, 3\)"):
        model.encode(torch.zeros(2, 5, 3))
    with pytest.raises(ValueError, match=r"z must have shape \(\.\.\., 2\), not \(4, 3\)"):
        model.decode(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"z must have shape \(\.\.\., 2\), not \(\)"):
        model.decode(torch.tensor(1.0))
    with pytest.raises(ValueError, match=r"mu and log_var must have one shape, not \(4, 2\) and \(2,\)"):
        model.reparameterize(torch.zeros(4, 2), torch.zeros(2))


def test_within_autocast_what_leaves_a_network_is_of_its_inputs_type():
    """log_var and the logits go into exponentials and sums, where 8 bits would be too few."""
    model = VAE(2, (6,), image_shape=(3, 3))
    with torch.autocast("cpu", torch.bfloat16):
        mu, log_var = model.encode(torch.rand(4, 3, 3))
        logits = model.decode(mu).base_dist.logits
    assert mu.dtype == log_var.dtype == logits.dtype == torch.float32
