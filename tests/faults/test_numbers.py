"""Numbers that ruin others' training: each ends in an error that names it or in a finite loss, and no NaN is saved."""

import io
import math
from functools import partial
from itertools import product

import pytest
import torch

from vae_lesson import checkpoint
from vae_lesson.evaluate import evaluate
from vae_lesson.model import VAE
from vae_lesson.objective import elbo, gaussian_kl, k_sample_bound
from vae_lesson.run import Run
from vae_lesson.train import NonFiniteLoss, train

IMAGES = torch.rand(50, 4, 4, generator=torch.Generator().manual_seed(0))
LIKELIHOODS = ("bernoulli", "gaussian")
CRITERION = "a named error or a finite loss; no NaN saved"


def make(likelihood):
    torch.manual_seed(0)
    return VAE(2, (16, 8), likelihood, image_shape=(4, 4))


def outcome(path, model, images=IMAGES, held_out=None, **settings):
    """Train with a checkpoint: "finite" if all that is left is, or the error's name; "NaN saved" would be the fault."""
    settings = dict(epochs=2, batch_size=16, checkpoint=path, progress=False, device="cpu") | settings
    path.unlink(missing_ok=True)
    try:
        run = train(model, images, held_out, **settings)
    except (ValueError, NonFiniteLoss) as error:
        found = f"{type(error).__name__}: {error}"
    else:
        found = "finite" if checkpoint.all_finite(run.state()) and run.epoch == settings["epochs"] else "not finite"
    if path.exists():
        with open(path, "rb") as file:
            file.seek(len(checkpoint.MAGIC) + 65)
            saved = torch.load(io.BytesIO(file.read()), weights_only=True)   # past our own look at it
        found = found if checkpoint.all_finite(saved) else "NaN saved"
    return found


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_one_bad_pixel(bad, tmp_path, figure):
    images = IMAGES.clone()
    images[17, 2, 3] = bad
    found = [outcome(tmp_path / "run.pt", make(likelihood), images) for likelihood in LIKELIHOODS]
    found += [outcome(tmp_path / "run.pt", make(likelihood), IMAGES, images) for likelihood in LIKELIHOODS]
    figure(f"one pixel is {bad}", CRITERION, " / ".join({*found}))
    errors = ["ValueError: images must lie in [0, 1]"] * 2 + ["ValueError: held_out must lie in [0, 1]"] * 2
    assert found == errors and not (tmp_path / "run.pt").exists()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("measure", [elbo, partial(k_sample_bound, k=3), evaluate])
def test_no_figure_of_a_bad_pixel(measure, likelihood, bad):
    images = IMAGES.round()
    images[17, 2, 3] = bad
    with pytest.raises(ValueError, match=r"^(x|images) .*(finite|0 and 1|wanted \[0, 1\])"):
        measure(make(likelihood), images)


@pytest.mark.parametrize("learning_rate", [1e6, 1e15])
def test_absurd_learning_rate(learning_rate, tmp_path, figure):
    found = set()
    for likelihood, held_out, batch_size in product(LIKELIHOODS, (IMAGES[:20], None), (16, 50)):
        model, path = make(likelihood), tmp_path / "run.pt"
        settings = dict(held_out=held_out, batch_size=batch_size, learning_rate=learning_rate, epochs=4)
        kind, _, message = outcome(path, model, **settings).partition(": ")
        found.add(kind)
        assert kind == "finite" or (" of epoch " in message and "lower the learning rate" in message)
        assert all(map(math.isfinite, evaluate(model, IMAGES)[:3]))   # the model is as at the last good epoch,
        saved = Run.load(path, "cpu").model.state_dict()              # and so is the file
        assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    figure(f"learning rate {learning_rate:.0e}", CRITERION, ", ".join(sorted(found)))
    assert "NonFiniteLoss" in found and found <= {"finite", "NonFiniteLoss"}


@pytest.mark.parametrize("raw", [1e4, -1e4])
def test_log_variances_of_ten_thousand(raw, tmp_path, figure):
    """As the encoder's last layer may put them out; `encode` bounds them, so that no exp() overflows."""
    found, x = [], IMAGES.round()
    for likelihood, k in product(LIKELIHOODS, (1, 5)):
        model = make(likelihood)
        with torch.no_grad():
            model.encoder[-1].bias[model.latent_dim :] = raw
        bounds = [*elbo(model, x), k_sample_bound(model, x, 5)]
        assert all(bound.isfinite().all() for bound in bounds)
        assert bounds[1].min() > 18   # at least 2 latents of 9.5 nats: (20 - 1) / 2, or (exp(20) - 21) / 2
        found.append(outcome(tmp_path / "run.pt", model, k=k))
    figure(f"log-variances of {raw:+,.0f}", CRITERION, ", ".join({*found}))
    assert found == ["finite"] * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussian_kl_of_such_log_variances(dtype, figure):
    """The KL as it is: 4,999.5 nats a latent at -10,000; exp(10,000) / 2 is more than any float, and so it is inf."""
    mu = torch.tensor([[0.0], [3.0]], dtype=dtype)
    small, large = (torch.full_like(mu, value).requires_grad_() for value in (-1e4, 1e4))
    at_small, at_large = gaussian_kl(mu, small), gaussian_kl(mu, large)
    at_small.sum().backward()
    found = f"{at_small[0]:,.1f}, {small.grad[0].item()}, {at_large[0].item()}"
    figure(f"gaussian_kl of log-variances ±10,000, {str(dtype)[6:]}", "4,999.5 with gradient -0.5; inf, not NaN", found)
    assert at_small.tolist() == [4999.5, 4999.5 + 4.5] and small.grad.tolist() == [[-0.5], [-0.5]]
    assert at_large.tolist() == [math.inf] * 2
    assert gaussian_kl(torch.zeros(2, dtype=dtype), torch.tensor([1e4, -1e4], dtype=dtype)) == math.inf


def test_batches_of_one(tmp_path, figure):
    """33 images in batches of 16 end on a batch of one image."""
    cases = list(product(LIKELIHOODS, [(1, 1), (1, 128), (33, 16), (17, 4), (2, 1)]))
    found = [
        outcome(tmp_path / "run.pt", make(likelihood), IMAGES[:n], IMAGES[:1], batch_size=batch_size)
        for likelihood, (n, batch_size) in cases
    ]
    figure("one image; a last batch of one image", CRITERION, f"{found.count('finite')} of {len(cases)} finite")
    assert found == ["finite"] * len(cases)


def test_no_images(tmp_path, figure):
    none, model = IMAGES[:0], make("gaussian")
    found = outcome(tmp_path / "run.pt", model, none)
    figure("no images", CRITERION, found)
    assert found == "ValueError: images must have shape (n, *(4, 4)) with n > 0, not (0, 4, 4)"
    assert outcome(tmp_path / "run.pt", model, IMAGES, none).startswith("ValueError: held_out must have shape")
    for measure in (elbo, partial(k_sample_bound, k=3), evaluate):
        with pytest.raises(ValueError, match=r"^(x|images) must hold at least one image$"):
            measure(model, none)
