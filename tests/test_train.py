"""Training: it finds a known optimum, is the loop that it says it is, and loses nothing when something ends it."""

import math
import os
import random
import signal
import threading
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn.functional import binary_cross_entropy_with_logits

from vae_lesson import by_hand, checkpoint
from vae_lesson import step as stepping
from vae_lesson import train as training
from vae_lesson.by_hand import gradient
from vae_lesson.data import load
from vae_lesson.evaluate import Score, evaluate
from vae_lesson.model import VAE
from vae_lesson.objective import elbo, k_sample_bound
from vae_lesson.run import Run
from vae_lesson.train import NonFiniteLoss, train

IMAGES = torch.rand(50, 4, 4, generator=torch.Generator().manual_seed(0))
HELD_OUT = torch.rand(20, 4, 4, generator=torch.Generator().manual_seed(1))


def make(likelihood="bernoulli", seed=0):
    torch.manual_seed(seed)
    return VAE(2, (16, 8), likelihood, image_shape=(4, 4))


def fit(model=None, held_out=HELD_OUT, epochs=4, **settings):
    settings = dict(batch_size=16, learning_rate=1e-2, progress=False, device="cpu") | settings
    return train(make() if model is None else model, IMAGES, held_out, epochs=epochs, **settings)


def same(a, b):
    """Whether two states (dicts, lists, tensors, plain values) are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def press_at(monkeypatch, call, presses=1):
    """Let Ctrl-C come, once or several times, in the call-th step counted from now."""
    calls = iter(range(1, 10_000))

    def pressing(function):
        def pressed(*arguments, **named):
            result = function(*arguments, **named)
            if next(calls) == call:
                for _ in range(presses):
                    os.kill(os.getpid(), signal.SIGINT)
            return result

        return pressed

    monkeypatch.setattr(by_hand, "gradient", pressing(gradient))
    monkeypatch.setattr(stepping, "elbo", pressing(elbo))


# it learns


def best_elbo_of_two_images(pixels):
    """The optimum for images all black or all white, one latent: q = N(±m, s²) and the best decoder for it.

    That decoder's log odds are log q(z|white) / q(z|black) = 2mz/s², shared by all pixels, times 1 to any power c.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()

    def loss(parameters):
        m, log_s, log_c = parameters
        z, c = m + np.exp(log_s) * nodes, np.exp(log_c)
        distortion = pixels * (weights * np.logaddexp(0, -c * z)).sum()
        return distortion + 0.5 * (m**2 + np.exp(2 * log_s) - 1 - 2 * log_s)

    # A decoder linear in z is a lower bound of the best; the nets may bend it, hence the tolerance in the test.
    return -minimize(loss, [1.0, -0.5, 1.0], method="Nelder-Mead", options=dict(xatol=1e-8, fatol=1e-10)).fun


def test_finds_the_known_optimum():
    pixels = 6
    images = torch.cat([torch.zeros(1024, pixels), torch.ones(1024, pixels)])
    torch.manual_seed(0)
    model = VAE(1, (16, 16), image_shape=(pixels,))
    run = train(model, images, epochs=250, batch_size=2048, learning_rate=1e-2, progress=False, device="cpu")
    found = evaluate(model, images.repeat(20, 1)).elbo
    wanted = best_elbo_of_two_images(pixels)   # -1.0908 nats
    assert wanted - 0.03 < found < wanted + 0.005   # eight seeds ended between 0.011 below and 0.001 above
    assert wanted < -math.log(2)   # no model is better than the data's entropy
    assert np.mean(run.history.train_elbo[-10:]) == pytest.approx(found, abs=0.03)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_is_the_plain_loop(likelihood, beta):
    """Against a loop written out here: same order, noise, loss and steps; 50 images in batches of 16 leave 2 over."""
    run = fit(make(likelihood), held_out=None, epochs=3, beta=beta, seed=7)

    model, generator = make(likelihood), torch.Generator().manual_seed(7)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(3):
        rates, distortions = [], []
        for batch in torch.randperm(50, generator=generator).split(16):
            x = IMAGES[batch]
            if likelihood == "bernoulli":
                x = (torch.rand(x.shape, generator=generator) < x).float()
            mu, log_var = model.encode(x)
            out = model.decoder(mu + (log_var / 2).exp() * torch.randn(mu.shape, generator=generator)).reshape(x.shape)
            if likelihood == "bernoulli":
                nats = binary_cross_entropy_with_logits(out, x, reduction="none")
            else:
                s = model.log_sigma
                nats = 0.5 * ((x - out.sigmoid()) / s.exp()) ** 2 + s + 0.5 * math.log(2 * math.pi)
            distortion, rate = nats.sum((1, 2)), 0.5 * (mu**2 + log_var.exp() - log_var - 1).sum(1)
            optimizer.zero_grad()
            (distortion + beta * rate).mean().backward()
            optimizer.step()
            rates += rate.tolist()
            distortions += distortion.tolist()
        assert len(rates) == 50
        assert run.history.train_rate[epoch] == pytest.approx(np.mean(rates), rel=1e-4)
        assert run.history.train_distortion[epoch] == pytest.approx(np.mean(distortions), rel=1e-4)
        assert run.history.train_elbo[epoch] == pytest.approx(-np.mean(rates) - np.mean(distortions), rel=1e-4)
    for ours, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_k_samples_maximize_the_k_sample_bound():
    """Against one step of a loop written out here; the history still tells the ELBO's terms."""
    run = fit(held_out=None, epochs=1, batch_size=50, k=5, seed=7)
    model, generator = make(), torch.Generator().manual_seed(7)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    images = IMAGES[torch.randperm(50, generator=generator)]
    x = (torch.rand(images.shape, generator=generator) < images).float()
    terms = elbo(model, x, generator)
    (-k_sample_bound(model, x, 5, generator).mean()).backward()
    optimizer.step()
    assert run.history.train_elbo == pytest.approx([terms.elbo.mean().item()], rel=1e-5)
    for ours, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [(dict(k=0), "k must be a whole number, 1 or more, not 0"), (dict(k=2, beta=2.0), "beta must be 1 where k is")],
)
def test_refuses_a_wrong_k(settings, message):
    with pytest.raises(ValueError, match=message):
        fit(**settings)


@pytest.mark.parametrize("knows_bfloat16", [True, False])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])  # by hand, and by autograd
def test_precision_is_that_of_the_steps_alone(knows_bfloat16, likelihood, monkeypatch):
    """What else the reader computes, and what is measured after an epoch, is of the reader's own precision."""
    plain = (False, "highest")
    inside = (True, "highest") if knows_bfloat16 else (False, "medium")
    seen, outside = [], []

    def precision():
        return torch.is_autocast_enabled("cpu"), torch.get_float32_matmul_precision()

    def watched(function):
        def wrapped(*arguments, **named):
            seen.append(precision())
            if len(seen) == 6:
                raise FloatingPointError
            return function(*arguments, **named)

        return wrapped

    def measured(*arguments, **named):
        outside.append(precision())
        return evaluate(*arguments, **named)

    monkeypatch.setattr(stepping, "multiplies_bfloat16", lambda: knows_bfloat16)
    monkeypatch.setattr(by_hand, "gradient", watched(gradient))
    monkeypatch.setattr(stepping, "elbo", watched(elbo))
    monkeypatch.setattr(training, "evaluate", measured)
    with pytest.raises(FloatingPointError):
        fit(make(likelihood), precision="medium")
    assert seen == 6 * [inside] and outside == [plain]
    assert precision() == plain


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_medium_precision_moves_a_run_a_little(likelihood, monkeypatch):
    monkeypatch.setattr(stepping, "multiplies_bfloat16", lambda: True)
    exact, rounded = (fit(make(likelihood), epochs=1, precision=precision) for precision in ("highest", "medium"))
    assert {one.dtype for one in rounded.model.parameters()} == {torch.float32}
    for a, b in zip(exact.model.parameters(), rounded.model.parameters(), strict=True):
        assert (a - b).abs().mean() < 0.002  # four steps of 0.01: a few weights go another way
    assert not same(exact.model.state_dict(), rounded.model.state_dict())
    assert rounded.history.train_elbo[0] == pytest.approx(exact.history.train_elbo[0], rel=1e-3)


def test_precision_is_kept_with_the_run(tmp_path):
    path = tmp_path / "run.pt"
    assert fit(precision="medium", epochs=1, checkpoint=path).settings["precision"] == "medium"
    assert fit(Run.load(path, "cpu")).settings["precision"] == "medium"
    state = checkpoint.load(path)
    del state["settings"]["precision"]  # as before there was a choice
    checkpoint.save(path, state)
    assert Run.load(path, "cpu").settings["precision"] == "highest"
    with pytest.raises(ValueError, match=r"precision must be one of .*'medium'.*, not 'bf16'"):
        fit(precision="bf16")


def test_lower_precision_learns_as_much():
    images, runs = load("digits").train.images[:1000], []
    for precision in ("highest", "medium"):
        torch.manual_seed(0)
        runs += [train(VAE(2, (64,)), images, epochs=8, precision=precision, progress=False, device="cpu").history]
    assert runs[0].train_elbo[-1] > runs[0].train_elbo[0] + 100
    assert runs[1].train_elbo == pytest.approx(runs[0].train_elbo, abs=1.5)  # while it rises by a hundred
    assert runs[1].train_elbo[-1] == pytest.approx(runs[0].train_elbo[-1], abs=0.5)


def test_faded_moments_are_cleared_and_no_parameter_notices(monkeypatch):
    """A pixel that is always dark gives the first layer's weights no gradient, once a few steps have."""
    tiny = torch.finfo(torch.float32).tiny
    images = IMAGES.clone()
    images[:, 0, 0] = 0

    def moments(every):
        monkeypatch.setattr(training, "SETTLE_EVERY", every)
        run = train(make(), images, epochs=1, batch_size=16, progress=False, device="cpu")
        for moment in run.optimizer.state.values():
            moment["exp_avg"].view(-1)[0] = 1e-39  # a denormal
            moment["exp_avg_sq"].view(-1)[0] = 1e-39
        run = train(run, images, epochs=3, progress=False)
        return run, torch.cat([m[name].flatten().abs() for m in run.optimizer.state.values() for name in
                               ("exp_avg", "exp_avg_sq")])

    settled, kept = moments(every=1), moments(every=10**9)
    assert not ((settled[1] > 0) & (settled[1] < tiny)).any()
    assert ((kept[1] > 0) & (kept[1] < tiny)).any()
    assert same(settled[0].model.state_dict(), kept[0].model.state_dict())
    assert settled[0].history == kept[0].history


def test_history_has_one_entry_an_epoch():
    seen = []
    run = fit(on_epoch=lambda run: seen.append((run.epoch, run.stopped)))
    assert seen == [(1, ""), (2, ""), (3, ""), (4, "")] and run.stopped == "finished" and run.epoch == 4
    for name, values in vars(run.history).items():
        assert len(values) == 4, name
    assert run.history.epoch == [1, 2, 3, 4]
    score = evaluate(run.model, HELD_OUT)
    assert score[:3] == tuple(getattr(run.history, f"held_{name}")[-1] for name in Score._fields[:3])
    alone = fit(held_out=None)
    assert alone.history.held_elbo == alone.history.held_rate == alone.history.held_distortion == []


def test_held_out_images_change_nothing_in_training():
    assert same(fit(held_out=None).model.state_dict(), fit().model.state_dict())
    assert same(fit(held_out=None).generator.get_state(), fit().generator.get_state())


def test_same_seed_same_run_whatever_torchs_own_generator():
    torch.manual_seed(1)
    model = make()
    first = fit(deepcopy(model)).state()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert same(first, fit(deepcopy(model)).state())
    assert torch.equal(before, torch.get_rng_state())
    assert not same(first, fit(deepcopy(model), seed=1).state())


def test_images_of_another_type_are_taken_to_the_models():
    run = train(make(), IMAGES.double(), HELD_OUT.double(), epochs=2, batch_size=16, progress=False, device="cpu")
    assert same(run.model.state_dict(), fit(epochs=2, learning_rate=2e-3).model.state_dict())
    assert len(train(make().double(), IMAGES, HELD_OUT, epochs=1, progress=False, device="cpu").history.epoch) == 1


def test_zero_epochs():
    run = fit(epochs=0)
    assert run.epoch == 0 and run.stopped == "finished" and same(run.model.state_dict(), make().state_dict())


def test_progress_is_shown_on_stderr_or_not_at_all(capfd):
    fit(epochs=2, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "2/2" in err and "nats" in err
    fit(epochs=2, progress=False)
    assert capfd.readouterr() == ("", "")


# going on


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("through_file", [False, True])
def test_going_on_is_bit_identical(likelihood, through_file, tmp_path):
    whole = fit(make(likelihood), epochs=6).state()
    run = fit(make(likelihood), epochs=2, checkpoint=tmp_path / "run.pt")
    for epochs in (3, 6):   # gone on with twice
        if through_file:
            run = Run.load(tmp_path / "run.pt", "cpu")
        run = fit(run, epochs=epochs, checkpoint=tmp_path / "run.pt")
    assert same(run.state(), whole)
    assert same(Run.load(tmp_path / "run.pt", "cpu").state(), whole)


def test_going_on_ignores_other_settings():
    run = fit(epochs=2)
    assert same(fit(run, batch_size=3, learning_rate=0.5, beta=9.0, seed=99).state(), fit().state())


def test_a_loaded_run_keeps_its_type_and_leaves_torchs_generator_alone(tmp_path):
    fit(make().double(), epochs=2, checkpoint=tmp_path / "run.pt")
    before = torch.get_rng_state()
    run = Run.load(tmp_path / "run.pt", "cpu")
    assert torch.equal(before, torch.get_rng_state())
    assert same(fit(run).state(), fit(make().double()).state())


# Ctrl-C


def test_interrupt_between_epochs():
    handler = signal.getsignal(signal.SIGINT)
    run = fit(epochs=9, on_epoch=lambda run: run.epoch == 2 and os.kill(os.getpid(), signal.SIGINT))
    assert run.stopped == "interrupted" and run.epoch == 2
    assert signal.getsignal(signal.SIGINT) is handler
    assert same(run.state(), fit(epochs=2).state())
    assert same(fit(run, epochs=5).state(), fit(epochs=5).state())


@pytest.mark.parametrize("presses", [1, 2, 3])
def test_interrupt_within_an_epoch_at_any_step(presses, monkeypatch, tmp_path):
    whole = fit(epochs=4).state()
    for call in random.Random(presses).sample(range(1, 17), 6):   # 4 steps an epoch
        path = tmp_path / f"{call}.pt"
        press_at(monkeypatch, call, presses)
        run = fit(epochs=4, checkpoint=path)
        monkeypatch.undo()
        assert run.epoch == (call - 1) // 4 or (presses == 1 and call % 4 == 0)   # the step pressed in may be the last
        assert run.stopped == ("finished" if run.epoch == 4 else "interrupted")
        assert same(Run.load(path, "cpu").state(), run.state())
        assert same(fit(run).state(), whole)
        assert same(fit(Run.load(path, "cpu")).state(), whole)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])  # by hand, and by autograd
def test_interrupt_twice_in_one_run(likelihood, monkeypatch):
    run = make(likelihood)
    for call in (6, 7):
        press_at(monkeypatch, call)
        run = fit(run)
        monkeypatch.undo()
    assert run.stopped == "interrupted" and run.epoch == 2
    assert same(fit(run).state(), fit(make(likelihood)).state())


def test_second_press_interrupts_at_once():
    """A callback that hangs is left by the second press, and its epoch is kept."""

    def hang(run):
        if run.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            threading.Event().wait(30)
            raise AssertionError("the second press was not heard")

    run = fit(on_epoch=hang)
    assert run.stopped == "interrupted" and run.epoch == 2
    assert same(fit(run).state(), fit().state())


@pytest.mark.parametrize("presses", [1, 2])
def test_presses_while_the_run_is_put_in_order_do_no_harm(presses, monkeypatch):
    restore = Run.restore

    def disturbed(self, state):
        os.kill(os.getpid(), signal.SIGINT)
        restore(self, state)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "restore", disturbed)
    press_at(monkeypatch, 6, presses)
    run = fit()
    monkeypatch.undo()
    assert run.stopped == "interrupted" and same(run.state(), fit(epochs=1).state())


def test_interrupt_at_random_moments():
    """From a timer, so that it comes anywhere: in a step, an evaluation, between two epochs."""
    whole, run, waits = fit(epochs=40).state(), make(), random.Random(0)
    for _ in range(12):
        timer = threading.Timer(waits.uniform(0.002, 0.04), os.kill, (os.getpid(), signal.SIGINT))

        def at_epoch(run, timer=timer):
            if run.epoch < 38 and not timer.ident:   # only now does anybody listen to signals
                timer.start()
            elif run.epoch >= 38 and timer.ident:   # soon nobody does any more
                timer.cancel()
                timer.join()

        run = fit(run, epochs=40, on_epoch=at_epoch)
    assert same(fit(run, epochs=40).state(), whole)


def test_runs_in_another_thread():
    runs = []
    thread = threading.Thread(target=lambda: runs.append(fit()))
    thread.start()
    thread.join(60)
    assert same(runs[0].state(), fit().state())


# errors half-way


def test_error_in_a_callback_leaves_a_whole_run(tmp_path):
    held, handler = [], signal.getsignal(signal.SIGINT)

    def fail(run):
        held[:] = [run]
        if run.epoch == 2:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(on_epoch=fail, checkpoint=tmp_path / "run.pt")
    assert signal.getsignal(signal.SIGINT) is handler
    assert same(held[0].state(), fit(epochs=2).state())
    assert same(Run.load(tmp_path / "run.pt", "cpu").state(), held[0].state())
    assert same(fit(held[0]).state(), fit().state())


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_error_in_a_step_takes_the_epoch_back(likelihood, monkeypatch):
    calls = iter(range(100))

    def failing(function):
        def fail(*arguments, **named):
            if next(calls) == 6:
                raise torch.OutOfMemoryError("no memory left")
            return function(*arguments, **named)

        return fail

    monkeypatch.setattr(by_hand, "gradient", failing(gradient))
    monkeypatch.setattr(stepping, "elbo", failing(elbo))
    model = make(likelihood)
    with pytest.raises(torch.OutOfMemoryError):
        fit(model)
    monkeypatch.undo()
    assert same(model.state_dict(), fit(make(likelihood), epochs=1).model.state_dict())


NAMES = [name for name, _ in make().named_parameters()]


def poison(model, step, value, way, monkeypatch):
    """Let the gradient of one layer's weights be value from the given step on."""
    calls = iter(range(1, 1000))

    def poisoned(derivative):
        return torch.full_like(derivative, value) if next(calls) >= step else derivative

    def with_poison(*arguments, **named):
        derivatives, terms = gradient(*arguments, **named)
        number = NAMES.index("decoder.2.weight")
        derivatives[number] = poisoned(derivatives[number])
        return derivatives, terms

    if way == "by hand":
        monkeypatch.setattr(by_hand, "gradient", with_poison)
    else:
        model.decoder[2].weight.register_hook(poisoned)  # and with a hook, autograd
    return model


@pytest.mark.parametrize(
    ("step", "value", "message"),
    [
        (6, math.nan, r"the distortion is not finite at step 3 of epoch 2: lower the learning rate"),
        (6, math.inf, r"the distortion is not finite at step 3 of epoch 2"),
        (8, math.nan, r"the gradient is not finite at step 4 of epoch 2"),    # an epoch's last step
        (6, 1e30, r"the gradient is not finite at step 4 of epoch 2"),   # its square overflows within Adam, unseen
    ],
)
@pytest.mark.parametrize("held_out", [HELD_OUT, None])
@pytest.mark.parametrize("way", ["by hand", "autograd"])
def test_loss_that_is_not_finite(step, value, message, held_out, way, monkeypatch, tmp_path):
    held, path = [], tmp_path / "run.pt"
    good = fit(poison(make(), 1000, value, way, monkeypatch), held_out, epochs=1)
    with pytest.raises(NonFiniteLoss, match=message):
        model = poison(make(), step, value, way, monkeypatch)
        fit(model, held_out, checkpoint=path, on_epoch=lambda run: held.append(run))
    assert len(held) == 1 and same(held[0].state(), good.state())
    assert same(Run.load(path, "cpu").state(), good.state())


# early stopping


def worse_after(best, monkeypatch):
    """Let the held-out ELBO rise up to epoch `best` and fall from there on."""
    epochs = iter(range(1, 1000))

    def score(model, images):
        n = next(epochs)
        elbo = -100.0 - abs(n - best)
        return Score(elbo, 10.0, -elbo - 10.0, active_units=2)

    monkeypatch.setattr(training, "evaluate", score)


@pytest.mark.parametrize("best", [1, 3])
def test_patience_returns_the_best_parameters(best, monkeypatch, tmp_path):
    wanted = fit(epochs=best).model.state_dict()
    worse_after(best, monkeypatch)
    run = fit(epochs=20, patience=2, checkpoint=tmp_path / "run.pt")
    assert run.stopped == "early" and run.epoch == best + 2
    assert same(run.model.state_dict(), wanted)
    assert same(Run.load(tmp_path / "run.pt", "cpu").model.state_dict(), wanted)


def test_patience_is_not_asked_for_then_it_is(monkeypatch, tmp_path):
    """The best epoch may lie before the run was told to be patient, and before it was saved and loaded."""
    wanted = fit(epochs=2).model.state_dict()
    worse_after(2, monkeypatch)
    fit(epochs=4, checkpoint=tmp_path / "run.pt")
    run = fit(Run.load(tmp_path / "run.pt", "cpu"), epochs=20, patience=4)
    assert run.stopped == "early" and run.epoch == 6 and same(run.model.state_dict(), wanted)


def test_patience_changes_nothing_while_the_elbo_rises():
    with_patience, without = fit(epochs=4, patience=100), fit(epochs=4)
    assert with_patience.stopped == "finished" and same(with_patience.state(), without.state())


# messages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(batch_size=0), "batch_size must be a whole number, 1 or more, not 0"),
        (dict(batch_size=2.5), "batch_size must be a whole number, 1 or more, not 2.5"),
        (dict(learning_rate=0), "learning_rate must be a positive number, not 0"),
        (dict(learning_rate=math.inf), "learning_rate must be a positive number, not inf"),
        (dict(beta=-1), "beta must be a number, 0 or more, not -1"),
        (dict(epochs=-1), "epochs must be a whole number, 0 or more, not -1"),
        (dict(epochs=1.5), "epochs must be a whole number, 0 or more, not 1.5"),
        (dict(patience=0), "patience must be 1 or more.*got 0"),
        (dict(patience=3, held_out=None), "patience .*needs held_out images; got 3"),
        (dict(held_out=IMAGES[:0]), r"held_out must have shape \(n, \*\(4, 4\)\) with n > 0, not \(0, 4, 4\)"),
        (dict(held_out=IMAGES.flatten(1)), r"held_out must have shape .* not \(50, 16\)"),
        (dict(device="cuda:77"), "device 'cuda:77' can't be used here; this machine has"),
        (dict(device="abacus"), "device 'abacus' can't be used here"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(**arguments)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(0, 4, 4), r"images must have shape \(n, \*\(4, 4\)\) with n > 0, not \(0, 4, 4\)"),
        (torch.zeros(4, 4), r"images must have shape .* not \(4, 4\)"),
        (torch.tensor(1.0), r"images must have shape .* not \(\)"),
        (torch.full((2, 4, 4), 1.5), r"images must lie in \[0, 1\]"),
        (torch.full((2, 4, 4), math.nan), r"images must lie in \[0, 1\]"),
    ],
)
def test_wrong_images(images, message):
    with pytest.raises(ValueError, match=message):
        train(make(), images, epochs=1, progress=False)


def test_a_checkpoint_that_cannot_be_written_is_met_before_the_first_epoch(tmp_path):
    (tmp_path / "file").touch()
    model = make()
    with pytest.raises(checkpoint.CheckpointError, match=r"file/run.pt \(0.0 MiB needed\)"):
        fit(model, checkpoint=tmp_path / "file" / "run.pt")
    assert same(model.state_dict(), make().state_dict())
