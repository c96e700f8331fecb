"""A recorded step does what the step does, or is not used: with CUDA graphs on a GPU, and with doubles of them."""

import warnings
from copy import deepcopy

import pytest
import torch

from vae_lesson import by_hand, capture
from vae_lesson import step as stepping
from vae_lesson.capture import WARM_UP, Captured
from vae_lesson.distributed import Group
from vae_lesson.model import VAE
from vae_lesson.objective import elbo
from vae_lesson.run import Run
from vae_lesson.train import train

IMAGES = torch.rand(150, 4, 4, generator=torch.Generator().manual_seed(0))
BATCH = 16  # nine whole batches and one of 6
CUDA = torch.cuda.is_available()


@pytest.fixture(autouse=True, params=["by hand", "by autograd"])
def way(request, monkeypatch):
    """Both ways to the gradient."""
    if request.param == "by autograd":
        monkeypatch.setattr(by_hand, "serves", lambda model: False)


def make(device="cpu", **settings):
    torch.manual_seed(0)
    model = VAE(2, (16, 8), image_shape=(4, 4))
    settings = dict(batch_size=BATCH, learning_rate=1e-2, beta=1.0, seed=0, device=device) | settings
    return Run.start(model, **settings)


def state(run):
    moments = [moment for moments in run.optimizer.state.values() for moment in moments.values()]
    return [tensor.detach().cpu() for tensor in [*run.model.parameters(), *moments]]


class Tape:
    """A double of a CUDA graph: its replays have the inputs and the learning rate of the call that it records."""

    def __init__(self, change=lambda output: output):
        self.recorded, self.replayed, self.change, self.capturable = 0, 0, change, []

    def record(self, function, given):
        self.recorded += 1
        held = [one.clone() if isinstance(one, torch.Tensor) else one for one in given]
        group = self.run.optimizer.param_groups[0]
        self.capturable.append(group["capturable"])
        rate = group["lr"]

        def replay(*values):
            self.replayed += 1
            for mine, value in zip(held, values, strict=True):
                if isinstance(mine, torch.Tensor):
                    mine.copy_(value)
            now, group["lr"] = group["lr"], rate
            output = self.change(function(*held))
            group["lr"] = now
            return output

        return replay


class Untaken:
    """A double of a recording that failed unseen, as on another GPU: it takes the step, and its replays do nothing."""

    recorded = replayed = 0

    def record(self, function, given):
        self.recorded += 1
        output = function(*given)

        def replay(*values):
            self.replayed += 1
            return output.clone()

        return replay


@pytest.fixture
def taped(monkeypatch):
    """taped(tape): a run of two epochs whose steps are captured by that tape, as on a GPU; its step and the run."""

    def train_on(tape, **options):
        def aside(function, given):
            return function(*given)

        def captured(run, group):
            tape.run = run
            return stepping.stepping(run, group, capture=True)

        with monkeypatch.context() as patch:
            patch.setattr(capture, "record", tape.record)
            patch.setattr(capture, "aside", aside)
            patch.setattr("vae_lesson.train.stepping", captured)
            return plain(**options)

    return train_on


def plain(epochs=2, on_epoch=None, run=None, **settings):
    return train(run or make(**settings), IMAGES, epochs=epochs, on_epoch=on_epoch, progress=False)


def same(run, other):
    return run.history == other.history and all(map(torch.equal, state(run), state(other)))


def test_whole_batches_are_replayed_and_nothing_else_is_done(taped):
    tape = Tape()
    assert same(taped(tape), plain())
    assert tape.recorded == 1 and tape.replayed == 1 + 2 * 9 - WARM_UP - 1
    assert tape.capturable == [True] and not tape.run.optimizer.param_groups[0]["capturable"]


def test_the_last_smaller_batch_is_recorded_too(taped):
    tape = Tape()
    assert same(taped(tape, epochs=6), plain(epochs=6))
    assert tape.recorded == 2 and tape.replayed == 2 + (6 * 9 - WARM_UP - 1) + (6 - WARM_UP - 1)


def slower(run):
    run.optimizer.param_groups[0]["lr"] /= 2


def anew(run):
    """Other tensors with the same values."""
    run.optimizer.load_state_dict(deepcopy(run.optimizer.state_dict()))


def freeze(run):
    run.model.decoder[0].weight.requires_grad_(False)


def elsewhere(run):
    """The same parameters at another place in memory, as after a visit to another device."""
    run.model.double().float()


def another_optimizer(run):
    run.optimizer = Run.start(run.model, seed=0, device=run.model.decoder[0].weight.device, **run.settings).optimizer


CHANGES = [slower, anew, freeze, elsewhere, another_optimizer]


def once(change):
    return lambda run: change(run) if run.epoch == 2 else None


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_epochs_is_recorded(taped, change):
    """A recording would go on with the old learning rate, the old moments, the derivative that is not wanted."""
    tape = Tape()
    assert same(taped(tape, epochs=3, on_epoch=once(change)), plain(epochs=3, on_epoch=once(change)))
    assert tape.recorded == 2


@pytest.mark.parametrize("change", [
    lambda run: run.model.encoder[0].register_forward_hook(lambda *_: None),
    lambda run: run.model.encoder.__setitem__(1, torch.nn.Tanh()),
])
def test_what_the_reader_built_is_not_replayed(taped, change):
    """Of a hook, or a layer that counts its calls, a replay would leave out the Python."""
    tape, replayed = Tape(), []

    def look(run):
        once(change)(run)
        replayed.append(tape.replayed)

    assert same(taped(tape, epochs=4, on_epoch=look), plain(epochs=4, on_epoch=once(change)))
    assert tape.recorded == 1 and 0 < replayed[1] == replayed[3]


def test_a_parameter_that_learns_again(taped):
    """Adam makes its moments within a step."""

    def wake(run):
        run.model.decoder.requires_grad_(True)

    def asleep(captured):
        run = make()
        run.model.decoder.requires_grad_(False)
        run = Run.start(run.model, seed=0, device="cpu", **run.settings)
        return captured(run)

    ours = asleep(lambda run: taped(Tape(), run=run, epochs=4, on_epoch=once(wake)))
    theirs = asleep(lambda run: plain(run=run, epochs=4, on_epoch=once(wake)))
    assert same(ours, theirs)


def test_terms_of_a_replay_are_not_written_over():
    if not CUDA:
        pytest.skip("no CUDA here")
    function = Captured(torch.clone, make("cuda"))
    found = [function(torch.full((2,), float(i), device="cuda")) for i in range(8)]
    assert [f.tolist() for f in found] == [[i, i] for i in range(8)]


@pytest.mark.parametrize("fault", ["terms", "parameters", "not a number", "error"])
def test_a_recording_that_does_something_else_is_not_used(taped, fault):
    def wrong(output):
        parameter = next(tape.run.model.parameters())
        with torch.no_grad():
            if fault == "parameters":
                parameter.view(-1)[0] += 1e-2
            if fault == "not a number":
                parameter.view(-1)[0] = float("nan")
        if fault == "error":
            raise RuntimeError("operation not permitted when stream is capturing")
        return output * 1.01 if fault == "terms" else output

    tape = Tape(wrong)
    with pytest.warns(UserWarning, match="training goes on without a CUDA graph: (it did not do|operation not perm)"):
        run = taped(tape)
    assert tape.recorded == tape.replayed == 1
    assert same(run, plain())


def test_a_recording_that_took_the_step_itself_is_not_used(taped):
    tape = Untaken()
    with pytest.warns(UserWarning, match="training goes on without a CUDA graph: it did not do what it records"):
        run = taped(tape)
    assert tape.recorded == tape.replayed == 1
    assert same(run, plain())


def test_on_only_where_it_can_serve(monkeypatch):
    asked = []
    monkeypatch.setattr(stepping, "Captured", lambda function, run: asked.append(run) or function)
    monkeypatch.setattr(stepping, "DistributedDataParallel", lambda objective: objective)
    for device in ("cpu", *["cuda"] * CUDA):
        asked.clear()
        stepping.stepping(make(device), Group(0, 1))
        assert len(asked) == (device == "cuda")
        stepping.stepping(make(device), Group(0, 2))
        stepping.stepping(make(device), Group(0, 1), capture=False)
        assert len(asked) == (device == "cuda")


@pytest.fixture
def replays(monkeypatch):
    """Grows with every replay of a recording."""
    seen, record = [], capture.record

    def counted(*given):
        replay = record(*given)
        return lambda *values: seen.append(1) or replay(*values)

    monkeypatch.setattr(capture, "record", counted)
    return seen


@pytest.mark.skipif(not CUDA, reason="no CUDA here")
@pytest.mark.parametrize("settings", [dict(), dict(k=5), dict(beta=4.0), dict(precision="medium")])
@pytest.mark.parametrize("change", [lambda run: None, *CHANGES])
def test_captured_is_eager_to_rounding(settings, change, monkeypatch, replays):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        captured = plain(device="cuda", epochs=5, on_epoch=once(change), **settings)
    assert len(replays) > 20
    monkeypatch.setattr("vae_lesson.train.stepping", lambda *given: stepping.stepping(*given, capture=False))
    eager = plain(device="cuda", epochs=5, on_epoch=once(change), **settings)
    assert captured.history.train_elbo == pytest.approx(eager.history.train_elbo, rel=1e-5)
    for a, b in zip(state(captured), state(eager), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not CUDA, reason="no CUDA here")
def test_a_failed_recording_leaves_the_gpu_in_order():
    """A look at a value, which no recording can hold; memory can be given back, and others are recorded, after it."""
    run = make("cuda")

    def looks(x):
        run.model.decoder[0].bias.data += x.sum().item()
        return x.clone()

    function = Captured(looks, run)
    with pytest.warns(UserWarning, match="training goes on without a CUDA graph"):
        for _ in range(6):
            function(torch.zeros(3, device="cuda"))
    torch.cuda.empty_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain(device="cuda", epochs=2)


@pytest.mark.skipif(not CUDA, reason="no CUDA here")
def test_going_on_after_a_checkpoint_is_captured_too(tmp_path, replays):
    whole = plain(device="cuda", epochs=4)
    run = plain(device="cuda", epochs=2)
    run.save(tmp_path / "run.pt")
    before = len(replays)
    run = train(Run.load(tmp_path / "run.pt", "cuda"), IMAGES, epochs=4, progress=False)
    assert len(replays) - before == 2 * 9 - WARM_UP  # the recording tries itself once
    assert run.history.train_elbo == pytest.approx(whole.history.train_elbo, rel=1e-5)
    assert torch.equal(run.generator.get_state(), whole.generator.get_state())


def test_the_gradient_is_that_of_the_mean_loss():
    """The last, smaller batch is divided by its own number of images."""
    run = make()
    model, generator = deepcopy(run.model), torch.Generator().manual_seed(0)
    stepping.stepping(run, Group.joined())(IMAGES[:6])
    x = (torch.rand(6, 4, 4, generator=generator) < IMAGES[:6]).float()
    (-elbo(model, x, torch.randn(6, 2, generator=generator)).elbo.mean()).backward()
    for ours, theirs in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
