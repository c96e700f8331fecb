"""TrainingDashboard as Python sees it: what it shows is what the training did."""

import numpy as np
import pytest
import torch
from models import decode, noise_images, strong_vae

from vae_lesson.explorer import TrainingDashboard, training_dashboard
from vae_lesson.explorer.training_dashboard import TERMS
from vae_lesson.run import History, Run
from vae_lesson.train import train

SETTINGS = dict(batch_size=10, learning_rate=1e-3, beta=1.0, seed=0, device="cpu")


def run_of(epochs, held_out=True, latent_dim=3):
    run = Run.start(strong_vae(latent_dim), **SETTINGS)
    measured = TERMS if held_out else TERMS[:3]
    values = {term: [100.0 * i + epoch for epoch in range(epochs)] for i, term in enumerate(measured)}
    run.history = History(epoch=list(range(1, epochs + 1)), **values)
    return run


def rows(dashboard):
    return np.frombuffer(dashboard.history, "<f4").reshape(7, -1)


def images(data, shape=(8, 8)):
    return np.frombuffer(data, np.uint8).reshape(-1, *shape) / 255


def test_curves_pictures_and_ellipses_are_those_of_the_run():
    watched = noise_images(30)
    dashboard = TrainingDashboard(strong_vae(3), watched, torch.arange(30) % 10)
    run = run_of(4)
    with torch.no_grad():
        run.model.decoder[-1].bias += 1
    dashboard.finish(run)
    assert dashboard.status == "finished after epoch 4"
    np.testing.assert_array_equal(rows(dashboard)[0], [1, 2, 3, 4])
    for row, term in enumerate(TERMS, start=1):
        np.testing.assert_array_equal(rows(dashboard)[row], getattr(run.history, term))
    with torch.no_grad():
        mu, log_var = run.model.encode(watched)
    np.testing.assert_allclose(images(dashboard.originals), watched[:10], atol=0.51 / 255)
    recon = np.stack([decode(run.model, z.tolist()) for z in mu[:10]])
    np.testing.assert_allclose(images(dashboard.reconstructions), recon, atol=0.51 / 255)
    ellipses = torch.cat([mu[:, dashboard.axes], (0.5 * log_var).exp()[:, dashboard.axes]], 1)
    np.testing.assert_allclose(np.frombuffer(dashboard.ellipses, "<f4").reshape(-1, 4), ellipses, rtol=1e-5, atol=1e-6)
    assert sorted(mu.var(0).argsort(descending=True)[:2].tolist()) == dashboard.axes


def test_samples_come_from_the_same_noise_each_time():
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))
    before = dashboard.samples
    dashboard.finish(run_of(1))
    assert dashboard.samples == before, "the same model and noise"
    assert TrainingDashboard(strong_vae(3), noise_images(30)).samples == before, "in every run"
    run = run_of(2)
    with torch.no_grad():
        run.model.decoder[-1].bias += 1
    dashboard.finish(run)
    assert dashboard.samples != before
    assert len({row.tobytes() for row in images(dashboard.samples)}) == 40, "40 different ones"


def test_without_held_out_images_their_curves_are_missing():
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))
    dashboard.finish(run_of(3, held_out=False))
    assert np.isnan(rows(dashboard)[4:]).all()
    assert np.isfinite(rows(dashboard)[:4]).all()


def test_it_is_seldom_enough_and_the_last_update_always_comes(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_dashboard.time, "monotonic", lambda: now[0])
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))
    shown = []
    for epoch in range(1, 101):
        dashboard(run_of(epoch))
        shown.append(rows(dashboard).shape[1])
        now[0] += 0.021
    assert len(set(shown)) == 10, "2.1 seconds at five updates a second"
    assert shown[-1] < 100
    dashboard.finish(run_of(100))
    assert rows(dashboard).shape[1] == 100


def test_a_slow_update_is_followed_by_a_longer_pause(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_dashboard.time, "monotonic", lambda: now[0])
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))

    def slow(*arguments, **named):
        now[0] += 1.0
        shown.append(now[0])

    shown = []
    monkeypatch.setattr(dashboard, "_show", slow)
    run = run_of(1)
    for _ in range(1000):
        dashboard(run)
        now[0] += 0.1
    assert len(shown) / (now[0] - 100) < 0.05


def test_it_leaves_the_training_as_it_is(capsys):
    def trained(on_epoch):
        run = train(strong_vae(2), noise_images(50), noise_images(20), epochs=3, batch_size=10, device="cpu",
                    on_epoch=on_epoch, progress=False)  # fmt: skip
        return run.history, torch.nn.utils.parameters_to_vector(run.model.parameters())

    dashboard = TrainingDashboard(strong_vae(2), noise_images(20))
    state = torch.get_rng_state()
    with_it, without = trained(dashboard), trained(None)
    assert with_it[0] == without[0]
    assert torch.equal(with_it[1], without[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
@pytest.mark.parametrize("labels", [None, torch.arange(7) % 3])
@pytest.mark.parametrize("image_shape", [(8, 8), (3, 8, 6)])
def test_the_picture_of_any_model_and_few_images(latent_dim, labels, image_shape):
    dashboard = TrainingDashboard(strong_vae(latent_dim, image_shape=image_shape), noise_images(7, image_shape), labels)
    assert repr(dashboard) == "TrainingDashboard(images=7)"
    assert dashboard.snapshot().startswith(b"\x89PNG")
    assert dashboard._repr_mimebundle_()[1]["image/png"]["alt"].startswith("before training")


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="images must be a tensor of shape"):
        TrainingDashboard(strong_vae(2), noise_images(4, (9, 9)))


# stop and go on


def test_going_on_trains_on_where_the_run_was_interrupted():
    model, watched = strong_vae(3), noise_images(30)
    dashboard = TrainingDashboard(model, watched)
    settings = dict(epochs=4, on_epoch=dashboard, device="cpu", progress=False)
    run = train(model, watched, epochs=2, on_epoch=dashboard, device="cpu", progress=False)
    assert dashboard.training and not dashboard.can_go_on
    run.stopped = "interrupted"
    dashboard.finish(run, go_on=lambda: train(run, watched, **settings))
    assert dashboard.can_go_on and not dashboard.training and dashboard.status == "interrupted after epoch 2"
    dashboard.wish = "go on"   # as the browser's button sets it
    assert run.epoch == 4 and dashboard.status == "finished after epoch 4"
    assert dashboard.wish == "" and not dashboard.can_go_on
    dashboard.wish = "go on"   # a second press finds nothing to do
    assert run.epoch == 4 and dashboard.wish == ""


def test_what_ends_going_on_is_told_and_the_button_comes_back():
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))
    run, ends = run_of(2), iter([OSError("the disk is full"), KeyboardInterrupt(), None])
    run.stopped = "interrupted"

    def go_on():
        dashboard(run)
        if (error := next(ends)) is not None:
            raise error
        run.stopped = "finished"
        return run

    def free_again():
        return dashboard.can_go_on and not dashboard.training and dashboard.wish == ""

    dashboard.finish(run, go_on)
    with pytest.raises(OSError, match="the disk is full"):
        dashboard.wish = "go on"
    assert dashboard.status == "stopped by an error: OSError: the disk is full" and free_again()
    dashboard.wish = "go on"
    assert dashboard.status == "interrupted" and free_again()
    dashboard.wish = "go on"
    assert dashboard.status == "finished after epoch 2" and not dashboard.can_go_on


def test_a_finished_run_or_one_without_a_way_on_has_no_button():
    dashboard = TrainingDashboard(strong_vae(3), noise_images(30))
    dashboard.finish(run_of(2), go_on=lambda: run_of(3))
    assert not dashboard.can_go_on
    run = run_of(2)
    run.stopped = "interrupted"
    dashboard.finish(run)
    assert not dashboard.can_go_on


TRAINS = """
import torch
from vae_lesson.explorer import TrainingDashboard
from vae_lesson.model import VAE
from vae_lesson.train import train
images = torch.rand(400, 28, 28)
model = VAE(2, (32,))
dashboard = TrainingDashboard(model, images[:50])
dashboard
"""
FOREVER = "dict(epochs=100_000, on_epoch=dashboard, device='cpu', progress=False)"


@pytest.mark.browser
def test_stop_and_go_on_in_the_browser(open_notebook):
    """The button ends a run that would take hours, the next one starts it again, and the kernel lives."""
    page = open_notebook(TRAINS)
    widget = page.page.locator(".vae").first
    stop, on = widget.get_by_role("button", name="Stop"), widget.get_by_role("button", name="Go on")
    widget.wait_for()
    assert not stop.is_visible() and not on.is_visible()
    code = f"""
run = train(model, images, **{FOREVER})
dashboard.finish(run, go_on=lambda: train(run, images, **{FOREVER}))
print(run.stopped)
"""
    page.page.evaluate(START, code)
    stop.click(timeout=180_000)
    on.wait_for(timeout=180_000)
    widget.locator(".vae-status", has_text="interrupted after epoch").wait_for()  # painted a frame after the button
    epochs = [int(page.run_python("print(run.epoch)"))]
    for _ in range(3):  # JupyterLab may hand each press to another thread of the kernel
        on.click()
        stop.wait_for(timeout=180_000)
        assert not on.is_visible()
        stop.click()
        on.wait_for(timeout=180_000)
        epochs.append(int(page.run_python("print(run.epoch)")))
    assert 0 < epochs[0] < epochs[1] < epochs[2] < epochs[3] < 100_000
    page.page.evaluate(START, f"run = train(run, images, **{FOREVER})")  # a cell goes on in the button's place
    stop.wait_for(timeout=180_000)
    assert not on.is_visible()
    stop.click()
    page.run_python("1")
    assert page.errors == []


START = """async (code) => {
    const { content } = jupyterapp.shell.currentWidget;
    await jupyterapp.commands.execute("notebook:insert-cell-below");
    content.activeCell.model.sharedModel.setSource(code);
    void jupyterapp.commands.execute("notebook:run-cell");
}"""
