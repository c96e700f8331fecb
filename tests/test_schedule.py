"""The learning rate's one cycle, beside torch's own schedulers, and in a run."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from vae_lesson.model import VAE
from vae_lesson.run import Run
from vae_lesson.schedule import one_cycle
from vae_lesson.train import train

IMAGES = torch.rand(24, 4, 4, generator=torch.Generator().manual_seed(0))
SETTINGS = dict(batch_size=8, learning_rate=1e-2, schedule="one-cycle", progress=False, device="cpu")


def make():
    torch.manual_seed(0)
    return VAE(2, (8,), image_shape=(4, 4))


def rate(run):
    return run.optimizer.param_groups[0]["lr"]


def of_torch(kind, steps, **settings):
    """The rates that one of torch's schedulers gives after each of so many steps, from 1 on."""
    scheduler = kind(torch.optim.SGD([torch.zeros(1)], lr=1.0), **settings)
    found = []
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()
        found.append(rate(scheduler))
    return found


def test_is_torchs_line_and_torchs_cosine():
    """In steps of half an epoch, of which every second one is the middle of an epoch: 18 up and 102 down."""
    up = of_torch(LinearLR, 18, start_factor=1e-12, total_iters=18)
    down = of_torch(CosineAnnealingLR, 102, T_max=102)
    assert [one_cycle(epoch, 60) for epoch in range(60)] == pytest.approx((up + down)[::2], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 60])
def test_rises_then_falls_and_is_never_nothing(epochs):
    shares = [one_cycle(epoch, epochs) for epoch in range(epochs)]
    top = shares.index(max(shares))
    assert all(0 < share <= 1 for share in shares) and max(shares) > 0.6
    assert shares[: top + 1] == sorted(shares[: top + 1]) and shares[top:] == sorted(shares[top:], reverse=True)


def test_each_epoch_of_a_run_has_its_rate():
    used = []
    run = train(make(), IMAGES, epochs=5, **SETTINGS, on_epoch=lambda run: used.append(rate(run)))
    assert used == [1e-2 * one_cycle(epoch, 5) for epoch in range(5)]
    assert run.settings["schedule"] == "one-cycle" and run.settings["learning_rate"] == 1e-2


def test_a_constant_rate_is_left_to_whoever_sets_it():
    used = []

    def halve(run):
        used.append(rate(run))
        run.optimizer.param_groups[0]["lr"] /= 2

    train(make(), IMAGES, epochs=3, **SETTINGS | dict(schedule="constant"), on_epoch=halve)
    assert used == [1e-2, 5e-3, 2.5e-3]


def test_going_on_keeps_to_the_cycle_bit_for_bit(tmp_path):
    def stop(run):
        if run.epoch == 2:
            raise KeyboardInterrupt

    whole = train(make(), IMAGES, epochs=6, **SETTINGS)
    path = tmp_path / "run.pt"
    train(make(), IMAGES, epochs=6, **SETTINGS, on_epoch=stop, checkpoint=path)
    run = train(Run.load(path, "cpu"), IMAGES, epochs=6, progress=False)
    assert run.epoch == 6 and run.settings == whole.settings
    for ours, theirs in zip(run.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_from_before_there_were_schedules_has_a_constant_rate(tmp_path):
    run = train(make(), IMAGES, epochs=1, **SETTINGS | dict(schedule="constant"))
    del run.settings["schedule"]
    run.save(tmp_path / "run.pt")
    assert Run.load(tmp_path / "run.pt", "cpu").settings["schedule"] == "constant"


def test_unknown_schedule():
    with pytest.raises(ValueError, match=r"schedule must be one of \('constant', 'one-cycle'\), not 'cosine'"):
        train(make(), IMAGES, epochs=1, **SETTINGS | dict(schedule="cosine"))


def test_going_on_to_more_epochs_takes_up_the_longer_cycle():
    used = []
    run = train(make(), IMAGES, epochs=2, **SETTINGS)
    train(run, IMAGES, epochs=6, progress=False, on_epoch=lambda run: used.append(rate(run)))
    assert used == [1e-2 * one_cycle(epoch, 6) for epoch in range(2, 6)]
