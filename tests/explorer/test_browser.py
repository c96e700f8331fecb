"""The widgets in a real JupyterLab in chromium: mouse, keyboard and Python move them, and the pixels are torch's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from models import decode, noise_images, strong_vae
from pages import SETTLED, in_time

pytestmark = pytest.mark.browser

SETUP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from models import noise_images, strong_vae
from vae_lesson.explorer import LatentExplorer, TrainingDashboard
"""
EXPLORER = "explorer = LatentExplorer(strong_vae({}), noise_images(30, {}), torch.arange(30) % 10)\nexplorer"
PIXELS = """canvas => {
    const { width, height } = canvas;
    return [width, height, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


def pixels(lab_page, selector=".vae-image"):
    """What stands on a canvas: (height, width, 3) in [0, 1]."""
    lab_page.page.evaluate(SETTLED)
    width, height, *values = lab_page.page.eval_on_selector(selector, PIXELS)
    return np.array(values).reshape(height, width, 4)[..., :3] / 255


@in_time
def z_of(lab_page):
    """explorer.z as the kernel has it, once it agrees with the sliders: the browser may hold back its last message."""
    lab_page.page.evaluate(SETTLED)
    sliders = lab_page.page.eval_on_selector_all(
        ".vae input[type=range]", "all => all.map(slider => [slider.title, slider.valueAsNumber])"
    )
    shown = [value for _, value in sorted(sliders, key=lambda slider: int(slider[0][1:]))]
    z = json.loads(lab_page.run_python("print(explorer.z)"))
    assert z == pytest.approx(shown, abs=1e-9)
    return z


def assert_shows(lab_page, model, z, dark=False):
    """The explorer's canvas shows what torch decodes."""
    image = decode(model, z)
    expected = np.moveaxis(image, 0, -1) if image.ndim == 3 else (image if dark else 1 - image)[..., None]
    expected = np.broadcast_to(expected, (*expected.shape[:2], 3))
    np.testing.assert_allclose(pixels(lab_page), expected, atol=1 / 255 + 1e-4)


def box_of(lab_page, selector, index=0):
    found = lab_page.page.locator(selector).nth(index)
    found.scroll_into_view_if_needed()
    return found.bounding_box()


def drag(lab_page, box, start, end):
    """Drag from one place of a box to another, both in shares of its sides."""
    mouse = lab_page.page.mouse
    (x1, y1), (x2, y2) = ((box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end))
    mouse.move(x1, y1)
    mouse.down()
    mouse.move(x2, y2, steps=12)
    mouse.up()


def assert_clean(lab_page):
    assert lab_page.errors == []
    assert lab_page.page.locator(".vae-error, [data-mime-type='application/vnd.jupyter.stderr']").count() == 0


@pytest.fixture
def explorer(open_notebook):
    """A notebook with an explorer of a two-dimensional model between two other cells."""
    lab_page = open_notebook(SETUP, EXPLORER.format("2", "(8, 8)"), "1 + 1")
    lab_page.page.wait_for_selector(".vae-image")
    return lab_page


def test_mouse_and_keyboard_move_the_sliders(explorer):
    model, page = strong_vae(2), explorer.page
    assert_shows(explorer, model, [0, 0])
    drag(explorer, box_of(explorer, ".vae input[type=range]"), (0.5, 0.5), (0.8, 0.5))
    z = z_of(explorer)
    assert z[0] > 1 and z[1] == 0
    assert_shows(explorer, model, z)
    assert np.abs(decode(model, z) - decode(model, [0, 0])).max() > 0.1, "or nothing was tested"

    page.locator(".vae input[type=range]").nth(1).focus()
    for key in ("ArrowRight", "ArrowUp", "PageUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    after = z_of(explorer)
    assert after == [z[0], pytest.approx(1.19)]
    assert_shows(explorer, model, after)
    assert page.locator(".vae output").nth(1).text_content() == "1.19"

    page.get_by_role("button", name="Back to the origin").click()
    assert z_of(explorer) == [0, 0]
    assert_shows(explorer, model, [0, 0])
    assert_clean(explorer)


def test_mouse_touch_and_keyboard_move_the_pads_point(open_notebook):
    lab_page = open_notebook(SETUP, EXPLORER.format("2", "(8, 8)"), has_touch=True)
    model, page = strong_vae(2), lab_page.page
    page.wait_for_selector(".vae-image")
    box = box_of(lab_page, ".vae-pad")
    drag(lab_page, box, (0.5, 0.5), (0.75, 0.3))
    z = z_of(lab_page)
    assert z[0] > 0.5 and z[1] > 0.5
    assert_shows(lab_page, model, z)

    box = box_of(lab_page, ".vae-pad")
    page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])
    z = z_of(lab_page)
    assert z[0] < -0.5 and z[1] < -0.5
    assert_shows(lab_page, model, z)

    page.locator(".vae-pad").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert z_of(lab_page) == [pytest.approx(z[0] + 0.1, abs=1e-5), pytest.approx(z[1] + 0.2, abs=1e-5)]
    drag(lab_page, box_of(lab_page, ".vae-pad"), (0.5, 0.5), (3, -2))
    reach = float(lab_page.run_python("print(explorer.reach)"))
    assert z_of(lab_page) == [reach, reach], "dragged far out of the pad"
    assert_shows(lab_page, model, [reach, reach])
    assert_clean(lab_page)


def test_keys_stay_in_the_widget(explorer):
    page = explorer.page
    notebook = "jupyterapp.shell.currentWidget.content"
    state = f"[{notebook}.activeCellIndex, {notebook}.widgets.length]"
    for selector in (".vae input[type=range]", ".vae-pad", ".vae-button"):
        page.locator(selector).first.click()
        before = page.evaluate(state)
        for key in ("ArrowDown", "ArrowDown", "ArrowUp", "a", "b", "j", "PageDown"):
            page.keyboard.press(key)
        assert page.evaluate(state) == before
        assert page.locator(selector).first.evaluate("element => element === document.activeElement")
    assert_clean(explorer)


def test_python_moves_the_widget_and_the_widget_is_clipped_to_its_range(explorer):
    model = strong_vae(2)
    explorer.run_python("image = explorer.decode_at([0.5, -2])")
    assert_shows(explorer, model, [0.5, -2])
    explorer.run_python("explorer.z = [1e9, 0]")
    reach = float(explorer.run_python("print(explorer.reach)"))
    assert_shows(explorer, model, [reach, 0])
    assert_clean(explorer)


def test_the_image_follows_while_a_cell_runs(explorer, tmp_path):
    page = explorer.page
    enough = tmp_path / "enough"
    code = f"import pathlib, time\nwhile not pathlib.Path({str(enough)!r}).exists(): time.sleep(0.05)"
    page.evaluate(
        """async (code) => {
            const { content } = jupyterapp.shell.currentWidget;
            content.activeCellIndex = content.widgets.length - 1;
            content.activeCell.model.sharedModel.setSource(code);
            void jupyterapp.commands.execute("notebook:run-cell");
        }""",
        code,
    )
    page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'")
    page.locator(".vae input[type=range]").first.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    reach = page.locator(".vae input[type=range]").first.evaluate("slider => Number(slider.max)")
    assert_shows(explorer, strong_vae(2), [min(3, reach), 0])
    assert page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.status") == "busy"
    enough.touch()
    assert z_of(explorer) == [min(3, reach), 0], "the kernel hears it when it is free"


def test_the_theme_changes_the_colours_and_not_the_numbers(explorer):
    page = explorer.page
    explorer.run_python("image = explorer.decode_at([1, 1])")
    assert_shows(explorer, strong_vae(2), [1, 1])
    explorer.command("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    try:
        assert_shows(explorer, strong_vae(2), [1, 1], dark=True)
    finally:
        explorer.command("apputils:change-theme", theme="JupyterLab Light")
        page.wait_for_selector("body[data-jp-theme-light=true]", state="attached")


def test_many_latents_and_colour(open_notebook):
    model = strong_vae(12, image_shape=(3, 8, 6))
    lab_page = open_notebook(SETUP, EXPLORER.format("12, image_shape=(3, 8, 6)", "(3, 8, 6)"))
    page = lab_page.page
    page.wait_for_selector(".vae-image")
    sliders = page.locator(".vae input[type=range]")
    assert [sliders.nth(i).is_visible() for i in range(12)] == [True] * 10 + [False] * 2
    page.get_by_role("button", name="Show all 12").click()
    assert sliders.nth(11).is_visible()

    order = np.argsort(-model.encode(noise_images(30, (3, 8, 6)))[0].detach().var(0).numpy())
    assert [sliders.nth(i).get_attribute("title") for i in range(12)] == [f"z{latent + 1}" for latent in order]
    sliders.nth(0).focus()
    page.keyboard.press("PageUp")
    assert z_of(lab_page)[order[0]] == 1
    assert_shows(lab_page, model, z_of(lab_page))

    page.get_by_label("latent across").select_option(str(order[5]))
    page.get_by_label("latent up").select_option(str(order[7]))

    @in_time
    def the_kernel_hears_it():
        assert lab_page.run_python("print(explorer.axes)").strip() == str([order[5].item(), order[7].item()])

    the_kernel_hears_it()
    page.locator(".vae-pad").focus()
    page.keyboard.press("ArrowRight")
    assert z_of(lab_page)[order[5]] == pytest.approx(0.1)
    assert_clean(lab_page)


def test_the_legend_picks_classes(explorer):
    page = explorer.page
    before = pixels(explorer, ".vae-pad canvas")
    page.get_by_title("show class 3").click()
    assert explorer.run_python("print(explorer.only)").strip() == "['3']"
    assert page.get_by_title("show class 3").get_attribute("aria-pressed") == "true"
    assert np.abs(pixels(explorer, ".vae-pad canvas") - before).max() > 0.2
    assert_clean(explorer)


def test_weights_that_do_not_fit_are_said_in_the_widgets_place(open_notebook):
    cut = "explorer.weights = explorer.weights[:-4]"
    lab_page = open_notebook(SETUP, f"explorer = LatentExplorer(strong_vae(2), noise_images(3))\n{cut}\nexplorer")
    alert = lab_page.page.wait_for_selector(".vae-error")
    assert "weights, but" in alert.text_content()


def test_the_dashboard_shows_a_training_run(open_notebook):
    training = """from vae_lesson.train import train
model = strong_vae(2)
run = train(model, noise_images(50), noise_images(20), epochs=3, batch_size=10, device="cpu", on_epoch=dashboard,
            progress=False)
dashboard.finish(run)"""
    show = "dashboard = TrainingDashboard(strong_vae(2), noise_images(20), torch.arange(20) % 10)\ndashboard"
    lab_page = open_notebook(SETUP, show, training)
    page = lab_page.page
    page.wait_for_selector("text=finished after epoch 3")
    for index in range(3):
        assert pixels(lab_page, f".vae-term:nth-child({index + 1}) canvas").std() > 0.01, "a curve is drawn"
    values = [float(text.replace("−", "-")) for text in page.locator(".vae-term .vae-readout").all_text_contents()]
    history = json.loads(lab_page.run_python("print([run.history.held_elbo[-1], run.history.held_rate[-1]])"))
    assert values[:2] == pytest.approx(history, abs=0.051)

    noise = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    trained = json.loads(lab_page.run_python("print(torch.nn.utils.parameters_to_vector(model.parameters()).tolist())"))
    model = strong_vae(2)
    torch.nn.utils.vector_to_parameters(torch.tensor(trained), model.parameters())
    tiles = 1 - np.stack([decode(model, z) for z in noise.tolist()])
    sheet = tiles.reshape(4, 10, 8, 8).transpose(0, 2, 1, 3).reshape(32, 80)
    shown = pixels(lab_page, ".vae-sheets figure:nth-child(2) canvas")[..., 0]
    np.testing.assert_allclose(shown, sheet, atol=1 / 255 + 1e-4)
    assert_clean(lab_page)


def test_a_long_line_of_code_is_wrapped_and_not_hidden(open_notebook):
    """The course's own setting, lab_config: a lesson's lines have up to 120 characters, and a laptop may show 100."""
    lab_page = open_notebook(f"long = {'1 + ' * 100}1\nprint(long)")
    hidden = lab_page.page.eval_on_selector(".jp-CodeCell .cm-scroller", "code => code.scrollWidth - code.clientWidth")
    assert hidden == 0
