"""The gradient that is written out is autograd's, wherever it is taken."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import remove_parametrizations
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from vae_lesson import by_hand, step
from vae_lesson.by_hand import gradient, layers, serves
from vae_lesson.model import VAE
from vae_lesson.objective import elbo
from vae_lesson.train import train

SHAPE = (4, 5)


def make(hidden=(7, 6), dtype=torch.float64, **settings):
    torch.manual_seed(0)
    return VAE(3, hidden, image_shape=SHAPE, **settings).to(dtype)


def draw(batch, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(batch, *SHAPE, generator=generator).round().to(dtype)
    return x, torch.randn(batch, 3, generator=generator, dtype=torch.float64).to(dtype)


def autograds(model, x, noise, beta, weight):
    """The same by autograd, from the bound that the lessons derive."""
    _, rate, distortion = elbo(model, x, noise)
    derivatives = torch.autograd.grad(weight * (distortion + beta * rate).sum(), list(model.parameters()))
    return list(derivatives), torch.stack([rate.sum(), distortion.sum()]).detach()


@pytest.mark.parametrize("hidden", [(5,), (7, 6), (4, 9, 6)])
@pytest.mark.parametrize(("batch", "beta", "weight"), [(1, 1.0, 1.0), (9, 1.0, 1 / 9), (9, 0.0, 0.5), (2, 4.0, 0.0)])
def test_is_autograds(hidden, batch, beta, weight):
    model, (x, noise) = make(hidden), draw(batch)
    derivatives, terms = gradient(*layers(model), x, noise, beta=beta, weight=weight)
    wanted, wanted_terms = autograds(model, x, noise, beta, weight)
    assert [one.shape for one in derivatives] == [one.shape for one in model.parameters()]
    for ours, theirs in zip(derivatives, wanted, strict=True):
        assert_close(ours, theirs, rtol=1e-11, atol=1e-13)
    assert_close(terms, wanted_terms, rtol=1e-13, atol=0)
    assert all(one.grad is None for one in model.parameters()) and not terms.requires_grad


@pytest.mark.parametrize("times", [10, 100])
def test_is_autograds_where_logits_and_log_variances_are_extreme(times):
    """Weights so large that the head is bent at its bound and logits are in the thousands or far beyond."""
    model, (x, noise) = make(), draw(9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(times)
    raw = model.encoder(x.flatten(1))[:, 3:]
    logits = model.decode(model.reparameterize(*model.encode(x), noise)).base_dist.logits
    assert raw.abs().max() > 20 and logits.abs().max() > 1000
    derivatives, terms = gradient(*layers(model), x, noise, beta=1.0, weight=1.0)
    wanted, wanted_terms = autograds(model, x, noise, 1.0, 1.0)
    assert terms.isfinite().all()
    for ours, theirs in zip(derivatives, wanted, strict=True):
        assert_close(ours, theirs, rtol=1e-9, atol=1e-9 * theirs.abs().max().item())
    assert_close(terms, wanted_terms, rtol=1e-12, atol=0)


@pytest.mark.parametrize("level", [0.0, 6.0, 12.0, 50.0])
def test_the_distortion_is_right_for_white_images_too(level):
    """Where x is 1 and l is large, log(1 + e^l) - x l is the small difference of large numbers."""
    torch.manual_seed(0)
    model, x, noise = VAE(3, (7,)), torch.ones(128, 28, 28), torch.randn(128, 3)
    with torch.no_grad():
        model.decoder[-1].bias.fill_(level)
    _, (_, distortion) = gradient(*layers(model), x, noise, beta=1.0, weight=1.0)
    wanted = elbo(deepcopy(model).double(), x.double(), noise.double()).distortion.sum().item()
    assert distortion.item() == pytest.approx(wanted, rel=1e-6, abs=128 * 1e-4)  # nats, the second for an image


class Types(TorchDispatchMode):
    """Notes the types of what enters matrix products, and of what enters logarithms and exponentials."""

    def __init__(self):
        super().__init__()
        self.products, self.others = [], []

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        name = function.name().split(".")[0]
        if name in ("aten::mm", "aten::addmm"):
            self.products += [one.dtype for one in arguments if isinstance(one, torch.Tensor)]
        elif name in ("aten::softplus", "aten::exp", "aten::tanh"):
            self.others.append(arguments[0].dtype)
        return function(*arguments, **(named or {}))


def test_within_autocast_products_are_of_its_type_and_all_else_is_not():
    model, (x, noise) = make(dtype=torch.float32), draw(200, torch.float32)
    with torch.autocast("cpu", torch.bfloat16), Types() as seen:
        derivatives, terms = gradient(*layers(model), x, noise, beta=1.0, weight=1 / 200)
    assert len(seen.products) == 6 * 3 + 11 * 2 and set(seen.products) == {torch.bfloat16}  # 6 layers; 11 derivatives
    assert len(seen.others) >= 4 and set(seen.others) == {torch.float32}
    wanted, wanted_terms = autograds(model, x, noise, 1.0, 1 / 200)
    assert_close(terms, wanted_terms, rtol=5e-3, atol=0)  # bfloat16 has 8 bits
    for ours, theirs in zip(derivatives, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() <= 0.1 * theirs.norm()


def test_double_stays_double_within_autocast():
    """As with autocast itself, which leaves float64 alone."""
    model, (x, noise) = make(), draw(9)
    with torch.autocast("cpu", torch.bfloat16):
        derivatives, _ = gradient(*layers(model), x, noise, beta=1.0, weight=1.0)
    assert_close(derivatives, autograds(model, x, noise, 1.0, 1.0)[0], rtol=1e-11, atol=1e-13)


# whom it serves


class Mine(VAE):
    """A reader's own, which notes something of its own."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.config["mine"] = True


class Residual(nn.Sequential):
    """Another function of the same layers."""

    def forward(self, x):
        return super().forward(x) + 1.0


def changed(change):
    """A model with a change of the reader's; whatever the change returns is left."""
    model = make((7, 7))
    change(model)
    return model


def replaced(layer):
    return changed(lambda model: model.encoder.__setitem__(1, layer))


def frozen():
    return changed(lambda model: model.decoder.requires_grad_(False))


OTHERS = {
    "another likelihood": lambda: make(likelihood="gaussian"),
    "a subclass": lambda: Mine(3, (7,), image_shape=SHAPE),
    "on another device": lambda: make().to("meta"),
    "frozen parameters": frozen,
    "another nonlinearity": lambda: replaced(nn.Tanh()),
    "a layer within": lambda: replaced(nn.Sequential(nn.ReLU())),
    "one more layer": lambda: changed(lambda model: model.encoder.append(nn.ReLU())),
    "no sequence": lambda: changed(lambda model: setattr(model, "encoder", nn.Linear(20, 6))),
    "another forward": lambda: changed(lambda model: setattr(model, "encoder", Residual(*model.encoder))),
    "no bias": lambda: changed(lambda model: model.encoder.__setitem__(0, nn.Linear(20, 7, bias=False))),
    "tied weights": lambda: changed(lambda model: setattr(model.decoder[2], "weight", model.encoder[2].weight)),
    "one more parameter": lambda: changed(lambda model: setattr(model, "head", nn.Linear(3, 10))),
    "another width": lambda: changed(lambda model: setattr(model, "encoder", make((9, 7)).encoder)),
    "another order": lambda: changed(lambda model: remove_parametrizations(weight_norm(model.encoder[0]), "weight")),
    "a weight not in order": lambda: changed(
        lambda model: setattr(model.decoder[2], "weight", nn.Parameter(model.encoder[2].weight.detach().T))
    ),
    "no sampling": lambda: changed(lambda model: setattr(model, "reparameterize", lambda mu, log_var, noise=None: mu)),
    "another forward of a layer": lambda: changed(lambda model: setattr(model.encoder[1], "forward", torch.tanh)),
    "a hook of a parameter": lambda: changed(lambda model: model.decoder[0].weight.register_hook(lambda d: 2 * d)),
    "a hook of a derivative": lambda: changed(
        lambda model: model.decoder[0].weight.register_post_accumulate_grad_hook(lambda parameter: None)
    ),
} | {
    kind: lambda kind=kind: changed(lambda model: getattr(model.encoder[0], f"register_{kind}")(lambda *_: None))
    for kind in ("forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook")
}


@pytest.mark.parametrize("other", OTHERS)
def test_serves_what_it_knows_and_nothing_else(other):
    assert serves(make()) and serves(make((5,), torch.float32)) and serves(make(mean_image=torch.full(SHAPE, 0.5)))
    assert not serves(OTHERS[other]())


def test_a_hook_of_all_modules_is_called():
    """As profilers and loggers set one: only autograd's way passes it."""
    hook = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert not serves(make())
    finally:
        hook.remove()
    assert serves(make())


def test_a_model_changed_between_two_epochs_is_trained_as_it_is():
    """A reader who freezes the decoder after the first epoch."""
    images = torch.rand(20, *SHAPE, generator=torch.Generator().manual_seed(2))
    model, kept = make(dtype=torch.float32), []

    def freeze(run):
        model.decoder.requires_grad_(False)
        kept.append([one.clone() for one in model.parameters()])

    train(model, images, epochs=3, batch_size=8, progress=False, device="cpu", on_epoch=freeze)
    first, last = kept[0], kept[-1]
    assert all(map(torch.equal, first[6:], last[6:])) and not any(map(torch.equal, first[:6], last[:6]))


def test_training_takes_it_where_it_serves_and_only_there(monkeypatch):
    calls = []

    def counted(*arguments, **named):
        calls.append(named)
        return gradient(*arguments, **named)

    monkeypatch.setattr(by_hand, "gradient", counted)
    images = torch.rand(20, *SHAPE, generator=torch.Generator().manual_seed(2))
    settings = dict(epochs=2, batch_size=8, progress=False, device="cpu")
    train(make(dtype=torch.float32), images, beta=0.5, **settings)
    assert calls == 2 * [dict(beta=0.5, weight=1 / 8), dict(beta=0.5, weight=1 / 8), dict(beta=0.5, weight=1 / 4)]
    calls.clear()
    train(make(dtype=torch.float32), images, k=3, **settings)
    train(make(dtype=torch.float32, likelihood="gaussian"), images, **settings)
    model = frozen().float()
    before = [one.clone() for one in model.decoder.parameters()]
    train(model, images, **settings)
    assert not calls and all(map(torch.equal, before, model.decoder.parameters()))


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_a_run_is_that_of_autograd_to_rounding(precision, monkeypatch):
    monkeypatch.setattr(step, "multiplies_bfloat16", lambda: True)
    images = torch.rand(300, *SHAPE, generator=torch.Generator().manual_seed(2))
    settings = dict(epochs=3, batch_size=32, progress=False, device="cpu", precision=precision)
    ours = train(make(dtype=torch.float32), images, **settings)
    monkeypatch.setattr(by_hand, "serves", lambda model: False)
    theirs = train(make(dtype=torch.float32), images, **settings)
    near = 1e-5 if precision == "highest" else 1e-3
    assert ours.history.train_elbo == pytest.approx(theirs.history.train_elbo, rel=near)
    assert ours.history.train_rate == pytest.approx(theirs.history.train_rate, rel=30 * near)


def test_a_parameter_put_in_anothers_place_between_two_epochs_is_the_one_that_learns():
    model, images = make(dtype=torch.float32), torch.rand(20, *SHAPE, generator=torch.Generator().manual_seed(2))
    placed = []

    def place(run):
        if run.epoch == 1:
            placed.append(nn.Parameter(model.decoder[0].weight.detach() / 2))
            model.decoder[0].weight = placed[0]
            run.optimizer.add_param_group({"params": placed})
            placed.append(placed[0].detach().clone())

    train(model, images, epochs=2, batch_size=8, progress=False, device="cpu", on_epoch=place)
    assert model.decoder[0].weight is placed[0] and not torch.equal(*placed)
