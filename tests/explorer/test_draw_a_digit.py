"""DrawADigit: its numbers against torch.distributions and quadrature, the browser's against torch's, and the hand."""

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import torch
from models import noise_images, strong_vae
from pages import SETTLED, base64, in_time, node, open_page  # noqa: F401
from torch.distributions import Bernoulli, Normal, kl_divergence

from vae_lesson.evidence import grid_posterior
from vae_lesson.explorer import DrawADigit, draw_a_digit
from vae_lesson.explorer.network import float32_bytes, pack_mlp
from vae_lesson.model import VAE

ARCHITECTURES = [(2, (256, 128), (28, 28)), (1, (16,), (8, 8)), (20, (64, 48, 32), (1, 8, 6)), (3, (7, 5), (5, 4))]
SIDE = (8, 8)


def drawing_of(latent_dim=2, likelihood="bernoulli", image_shape=SIDE, **settings):
    model = strong_vae(latent_dim, (32,), likelihood, image_shape, **settings)
    return model, DrawADigit(model, noise_images(30, image_shape), torch.arange(30) % 10)


def expected(model, image, noise):
    """rate, z, mean images at z and at q's mean, and their distortions, in float64 by torch.distributions."""
    with torch.no_grad():
        x = torch.as_tensor(np.asarray(image), dtype=torch.float64).reshape(1, *model.image_shape)
        x = (x >= 0.5).double() if model.likelihood == "bernoulli" else x
        mu, raw = model.double().encoder(x.flatten(1))[0].chunk(2)
        q = Normal(mu, (10 * torch.tanh(raw / 20)).exp())
        z = q.mean + q.stddev * torch.tensor(noise, dtype=torch.float64)
        found = {"rate": kl_divergence(q, Normal(0.0, 1.0)).sum().item(), "z": z.tolist(), "mu": q.mean.tolist()}
        for name, at in {"z": z, "mean": q.mean}.items():
            logits = model.decoder(at)
            likelihood = (
                Bernoulli(logits=logits)
                if model.likelihood == "bernoulli"
                else Normal(logits.sigmoid(), model.log_sigma.exp())
            )
            found |= {f"image {name}": likelihood.mean.reshape(model.image_shape).numpy()}
            found |= {f"distortion {name}": -likelihood.log_prob(x.flatten()).sum().item()}
    model.float()
    return found


# Python


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"likelihood": "gaussian"},
        {"likelihood": "gaussian", "sigma": 0.1},
        {"latent_dim": 5, "image_shape": (1, 8, 6)},
    ],
)
def test_numbers_are_those_of_the_present_drawing_and_sample(settings):
    model, drawing = drawing_of(**settings)
    for image in noise_images(3, model.image_shape):
        drawing.image = image
        told, wanted = drawing.numbers, expected(model, image, drawing.noise)
        assert told["rate"] == pytest.approx(wanted["rate"], rel=1e-5)
        assert told["distortion"] == pytest.approx(wanted["distortion z"], rel=1e-5)
        assert told["distortion at the mean"] == pytest.approx(wanted["distortion mean"], rel=1e-5)
        assert told["ELBO"] == pytest.approx(-wanted["rate"] - wanted["distortion z"], rel=1e-5)
        assert drawing.z == pytest.approx(wanted["z"], abs=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_log_p_is_that_of_quadrature(likelihood):
    torch.manual_seed(3)
    model = VAE(2, (32,), likelihood, image_shape=SIDE)  # weak weights: q is close to the posterior
    drawing = DrawADigit(model)
    drawing.image = noise_images(1)[0].round() if likelihood == "bernoulli" else noise_images(1)[0]
    told = drawing.numbers
    exact = grid_posterior(model, torch.as_tensor(drawing.image)[None]).log_evidence.item()
    assert told["effective sample size"] > 100 and 0 < told["standard error"] < 0.2
    assert abs(told["log p(x)"] - exact) < 4 * told["standard error"]
    before = told["log p(x)"]
    drawing.image = 1 - drawing.image
    assert drawing.answered == drawing.pixels and drawing.numbers["log p(x)"] != before
    drawing.image = 1 - drawing.image
    assert drawing.numbers["log p(x)"] == before, "the same drawing has the same estimate"


def test_a_late_answer_is_not_taken_for_the_new_drawings(monkeypatch):
    """JupyterLab hands strokes to another thread of the kernel than cells."""
    first, second = noise_images(30)[3:5]
    _, drawing = drawing_of()
    _, other = drawing_of()
    other.image = second
    wanted, weigh, interrupted = other.numbers, draw_a_digit.importance_sampled, []

    def while_a_cell_draws(*arguments, **named):
        told = weigh(*arguments, **named)
        if not interrupted:
            interrupted.append(True)
            drawing.image = second
        return told

    monkeypatch.setattr(draw_a_digit, "importance_sampled", while_a_cell_draws)
    drawing.image = first
    assert drawing.answered == drawing.pixels and drawing.numbers == wanted

    drawing.image = first
    drawing.unobserve(drawing._weigh, "pixels")  # the other thread has not come to it yet
    drawing.image = second
    assert drawing.numbers == wanted


def test_a_drawing_is_taken_as_array_tensor_lists_and_bytes():
    image = noise_images(1)[0]
    sent = float32_bytes(image)
    for value in (image, image.double().numpy(), image.tolist(), sent, memoryview(sent)):
        _, drawing = drawing_of()
        drawing.image = value
        np.testing.assert_allclose(drawing.image, image, atol=1e-7)
        assert drawing.image.dtype == np.float32 and drawing.image.shape == SIDE
    drawing.image[0, 0] = 0.25  # a copy: the state is what was set
    assert drawing.image[0, 0] != 0.25
    drawing.set_state({"pixels": memoryview(float32_bytes(1 - image))})  # as the browser does it
    np.testing.assert_allclose(drawing.image, 1 - image, atol=1e-6)


@pytest.mark.parametrize(
    "image",
    [
        *(np.zeros((8, 7)), np.zeros(64), np.full(SIDE, 1.01), np.full(SIDE, -0.1), np.full(SIDE, np.nan)),
        *(b"\0" * 255, np.full(SIDE, np.inf, "<f4").tobytes(), [[1, 2], [3]], {}, "ab", None, 0.5),
    ],
)
def test_a_bad_drawing_is_refused_and_changes_nothing(image):
    _, drawing = drawing_of()
    drawing.image = noise_images(1)[0]
    before = drawing.pixels, drawing.evidence
    shape = r"of shape \(8, 8\)|have shape \(8, 8\)|lie in \[0, 1\]"
    with pytest.raises(ValueError, match=f"image must .*({shape}), not"):
        drawing.image = image
    with pytest.raises(ValueError, match="image must"):
        drawing.set_state({"pixels": image})
    assert (drawing.pixels, drawing.evidence) == before


def test_the_sample_goes_both_ways_and_its_noise_stays_while_the_drawing_changes():
    model, drawing = drawing_of()
    noise = drawing.noise
    drawing.image = noise_images(1)[0]
    assert drawing.noise == noise and np.std(noise) > 0
    for z in ([0.5, -1.0], np.array([0.5, -1]), torch.tensor([0.5, -1.0])):
        drawing.z = z
        assert drawing.z == pytest.approx([0.5, -1], abs=1e-9)
    assert drawing.numbers["distortion"] == pytest.approx(
        expected(model, drawing.image, drawing.noise)["distortion z"], rel=1e-5
    )
    before = drawing.noise
    for bad in ([1], [np.nan, 0], "ab", [0, np.inf], None):
        with pytest.raises(ValueError, match="z must be 2 finite numbers"):
            drawing.z = bad
        with pytest.raises(ValueError, match="noise must be 2 finite numbers"):
            drawing.noise = bad
    assert drawing.noise == before


def test_a_bernoulli_model_sees_black_and_white():
    model, drawing = drawing_of()
    drawing.image = np.full(SIDE, 0.5)
    at_half = drawing.numbers
    drawing.image = np.ones(SIDE)
    assert drawing.numbers == at_half
    drawing.image = np.full(SIDE, 0.49)
    assert drawing.numbers["rate"] == pytest.approx(expected(model, np.zeros(SIDE), drawing.noise)["rate"], rel=1e-5)
    assert drawing.numbers["rate"] != at_half["rate"]


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"model must make grey images to draw, not of shape \(3, 8, 8\)"):
        DrawADigit(strong_vae(2, image_shape=(3, 8, 8)))
    with pytest.raises(ValueError, match=r"images must be a tensor of shape \(n, 8, 8\)"):
        DrawADigit(strong_vae(2), noise_images(3, (8, 7)))
    with pytest.raises(ValueError, match="labels must have shape"):
        DrawADigit(strong_vae(2), noise_images(3), [1, 2])
    with pytest.raises(ValueError, match="labels must have shape"):
        DrawADigit(strong_vae(2), labels=[1, 2])


@pytest.mark.parametrize("latent_dim", [1, 2, 12])
def test_text_and_picture(latent_dim):
    model = strong_vae(latent_dim)
    for drawing, images in ((DrawADigit(model), 0), (DrawADigit(model, noise_images(7)), 7)):
        drawing.image = noise_images(1)[0]
        assert repr(drawing) == f"DrawADigit(latent_dim={latent_dim}, images={images})"
        data, metadata = drawing._repr_mimebundle_()
        assert b64decode(data["image/png"]) == drawing.snapshot()
        assert metadata["image/png"]["alt"].startswith("a drawing, the mean of its q(z|x) at (")
        before = drawing.snapshot()
        drawing.image = np.zeros(SIDE)
        assert drawing.snapshot() != before
        assert drawing.alt().startswith("an empty drawing")


# Under node


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(("latent_dim", "hidden", "image_shape"), ARCHITECTURES)
def test_the_browsers_encoder_and_terms_are_torchs(likelihood, latent_dim, hidden, image_shape):
    model = strong_vae(latent_dim, hidden, likelihood, image_shape)
    with torch.no_grad():
        model.encoder[-1].weight[latent_dim:] *= 20  # so that the bound on log_var shows
    images = noise_images(5, image_shape)
    noise = torch.randn(latent_dim, generator=torch.Generator().manual_seed(4)).tolist()
    (layers, weights), (back, back_weights) = pack_mlp(model.encoder), pack_mlp(model.decoder)
    value = dict(
        layers=layers, weights=base64(weights), back=back, backWeights=base64(back_weights), noise=noise,
        images=images.flatten(1).tolist(), logSigma=None if likelihood == "bernoulli" else model.log_sigma.item(),
    )  # fmt: skip
    code = """
        const encoder = mlp.buildMlp(input.layers, floats(input.weights));
        const decoder = mlp.buildMlp(input.back, floats(input.backWeights));
        return input.images.map((image) => {
            const x = input.logSigma === null ? ink.blackAndWhite(image) : image;
            const q = vae.encodeImage(encoder, x);
            const z = vae.sampleOf(q, input.noise);
            const [atZ, atMean] = [z, q.mu].map((at) => vae.reconstruct(decoder, at, x, input.logSigma));
            return { q, z, atZ: { ...atZ, mean: [...atZ.mean] }, atMean: { ...atMean, mean: [...atMean.mean] } };
        });
    """
    for told, image in zip(node(("bytes", "ink", "mlp", "vae"), code, value), images, strict=True):
        wanted = expected(model, image, noise)
        np.testing.assert_allclose(told["q"]["mu"], wanted["mu"], atol=1e-4)
        np.testing.assert_allclose(told["z"], wanted["z"], rtol=1e-4, atol=1e-4)
        assert told["q"]["rate"] == pytest.approx(wanted["rate"], rel=1e-5)
        np.testing.assert_allclose(told["atMean"]["mean"], wanted["image mean"].ravel(), atol=1e-4)
        assert told["atMean"]["distortion"] == pytest.approx(wanted["distortion mean"], rel=1e-4)
        assert told["atZ"]["distortion"] == pytest.approx(wanted["distortion z"], rel=2e-3)


def test_a_stroke_is_soft_two_pixels_wide_and_only_adds():
    code = """
        const size = [9, 12];
        const line = ink.stroked(new Float32Array(108), size, [3, 4.5], [9, 4.5]);
        const more = ink.stroked(line, size, [6, 0], [6, 9]);
        const outside = ink.stroked(new Float32Array(108), size, [-30, -30], [-20, -50]);
        return [[...line], [...more], Math.max(...outside), ink.PEN];
    """
    line, more, outside, pen = node(("bytes", "ink"), code)
    line, more = np.array(line).reshape(9, 12), np.array(more).reshape(9, 12)
    rows, columns = np.mgrid[:9, :12] + 0.5
    distance = np.hypot(np.clip(np.abs(columns - 6) - 3, 0, None), rows - 4.5)
    np.testing.assert_allclose(line, np.clip(pen + 0.5 - distance, 0, 1), atol=1e-6)
    assert 2 <= (line >= 0.5)[:, 6].sum() <= 3
    assert ((0 < line) & (line < 1)).any()
    assert (more >= line).all() and more[0, 6] > 0.5
    assert outside == 0


def test_centred_moves_the_centre_of_mass_to_the_middle_and_loses_no_ink():
    code = "return input.map((pixels) => [...ink.centred(Float32Array.from(pixels), [28, 28])]);"
    corner, wide = np.zeros((2, 28, 28))
    corner[2:9, 1:6] = np.random.default_rng(0).uniform(0.2, 1, (7, 5))
    wide[27, :] = 1
    wide[0:20, 0] = 1  # it reaches every side but one
    drawings = [image.ravel().tolist() for image in (corner, wide, np.zeros(784))]
    moved, kept, empty = np.array(node(("bytes", "ink"), code, drawings))
    moved = moved.reshape(28, 28)
    centre = [(np.arange(28) * moved.sum(axis)).sum() / moved.sum() for axis in (1, 0)]
    assert np.abs(np.array(centre) - 14).max() <= 0.5
    np.testing.assert_allclose(np.sort(moved, axis=None), np.sort(corner, axis=None), atol=1e-6)
    assert kept.sum() == wide.sum() and empty.sum() == 0


def test_half_is_black():
    code = "return [...ink.blackAndWhite(Float32Array.from([0, 0.49, 0.5, 1]))];"
    assert node(("bytes", "ink"), code) == [0, 0, 1, 1]


def test_standard_normals_are_standard_normal():
    values = np.array(node(("bytes", "vae"), "return vae.standardNormals(40000);"))
    assert abs(values.mean()) < 0.03 and abs(values.std() - 1) < 0.02
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.015


# In the browser, with no kernel


def draw(opened, *places):
    """A stroke with the mouse through places [column, row], in pixels of the image."""
    box = opened.page.locator(".vae-surface").bounding_box()
    side = box["width"] / 8
    for i, (column, row) in enumerate(places):
        opened.page.mouse.move(box["x"] + side * column, box["y"] + side * row, steps=4 if i else 1)
        if not i:
            opened.page.mouse.down()
    opened.page.mouse.up()
    opened.settle()


def assert_shows(opened, model):
    """Pictures and numbers on the page are torch's for the page's own drawing and noise."""
    wanted = expected(model, opened.floats("pixels"), opened.get("noise"))
    ink = opened.floats("pixels").reshape(8, 8)
    seen = (ink >= 0.5) * 1.0 if model.likelihood == "bernoulli" else ink
    pictures = [ink, seen, wanted["image mean"], wanted["image z"]]
    selectors = [".vae-surface .vae-image", *(f".vae-three figure:nth-child({i}) canvas" for i in (1, 2, 3))]
    for selector, picture in zip(selectors, pictures, strict=True):
        grey = np.repeat(1 - picture.reshape(8, 8, 1), 3, -1)
        np.testing.assert_allclose(opened.pixels(selector), grey, atol=1 / 255 + 1e-4)
    assert opened.number("rate") == pytest.approx(wanted["rate"], abs=0.06)
    assert opened.number("distortion") == pytest.approx(wanted["distortion z"], abs=0.06)
    assert opened.number("mean") == pytest.approx(wanted["distortion mean"], abs=0.06)
    assert opened.number("elbo") == pytest.approx(-wanted["rate"] - wanted["distortion z"], abs=0.06)
    label = opened.page.get_attribute(".vae-still", "aria-label").replace("−", "-")
    told = [float(word) for part in label.split(" at ")[1:] for word in part.split(", the")[0].split(", ")]
    assert told == pytest.approx([*wanted["mu"], *wanted["z"]], abs=0.006)
    return wanted


@pytest.mark.browser
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_mouse_touch_and_keyboard_draw(open_page, likelihood):  # noqa: F811
    model, drawing = drawing_of(likelihood=likelihood)
    opened = open_page(drawing, has_touch=True)
    page = opened.page
    empty = assert_shows(opened, model)
    draw(opened, (2, 2), (6, 2), (3, 6))
    by_mouse = opened.floats("pixels").reshape(8, 8)
    assert by_mouse[2, 4] > 0.5 and by_mouse[6, 3] > 0.5 and by_mouse[6, 6] == 0
    drawn = assert_shows(opened, model)
    assert np.abs(drawn["image z"] - empty["image z"]).max() > 0.05, "or nothing was tested"

    box = page.locator(".vae-surface").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.9)
    assert opened.floats("pixels").reshape(8, 8)[7, 7] > 0.5
    assert_shows(opened, model)

    page.locator(".vae-surface").focus()
    page.keyboard.press("Delete")
    assert opened.floats("pixels").sum() == 0
    for key in [*["ArrowUp"] * 20, *["ArrowLeft"] * 20, "ArrowRight", "ArrowDown", "Enter", *["ArrowDown"] * 4, " "]:
        page.keyboard.press(key)
    column = opened.floats("pixels").reshape(8, 8)
    assert (column[1:6, 1] == 1).all() and (column[:, 4:] == 0).all() and column[7, 1] < 0.5
    page.keyboard.press("ArrowRight")
    assert (opened.floats("pixels").reshape(8, 8) == column).all(), "the pen is up"
    assert_shows(opened, model)
    for text in ("mean of q at", "pen up, row 6, column 3"):
        page.wait_for_function(f"document.querySelector('.vae').textContent.includes({text!r})")


@pytest.mark.browser
def test_the_kernel_is_told_when_the_pen_is_lifted_and_not_before(open_page):  # noqa: F811
    _, drawing = drawing_of()
    opened = open_page(drawing)
    page = opened.page
    assert opened.number("value") == pytest.approx(drawing.numbers["log p(x)"], abs=0.06), "the empty drawing's"
    box = page.locator(".vae-surface").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 150, steps=30)
    page.wait_for_timeout(400)
    assert page.evaluate("model.saves") == 0
    assert [opened.number(key) for key in ("value", "error", "effective")] == [None] * 3, "not another drawing's"
    page.mouse.up()
    page.wait_for_function("model.saves > 0")
    page.wait_for_timeout(400)
    assert page.evaluate("model.saves") == 1
    page.get_by_role("button", name="Clear").click()
    assert opened.number("value") is not None, "known again"


@pytest.mark.browser
def test_buttons(open_page):  # noqa: F811
    model, drawing = drawing_of()
    opened = open_page(drawing)
    page = opened.page
    draw(opened, (1, 1), (1, 3))
    ink, noise = opened.floats("pixels"), opened.get("noise")
    page.get_by_role("button", name="Resample z").click()
    assert opened.get("noise") != noise and (opened.floats("pixels") == ink).all()
    assert_shows(opened, model)
    page.get_by_role("button", name="Centre").click()
    moved = opened.floats("pixels").reshape(8, 8)
    assert (moved * np.arange(8)).sum() / moved.sum() == pytest.approx(4, abs=0.51)
    assert moved.sum() == pytest.approx(ink.sum(), abs=1e-4)
    take = page.get_by_role("button", name="Take a held-out digit")
    for i in (0, 1):
        take.click()
        np.testing.assert_allclose(opened.floats("pixels").reshape(8, 8), noise_images(30)[i], atol=0.51 / 255)
        assert_shows(opened, model)
    page.get_by_role("button", name="Clear").click()
    assert opened.floats("pixels").sum() == 0
    assert_shows(opened, model)


@pytest.mark.browser
@pytest.mark.parametrize("latent_dim", [1, 5])
def test_other_numbers_of_latents_and_no_data(open_page, latent_dim):  # noqa: F811
    model = strong_vae(latent_dim)
    opened = open_page(DrawADigit(model))
    assert opened.page.get_by_role("button", name="Take a held-out digit").count() == 0
    assert opened.page.locator(".vae-still").count() == (latent_dim > 1)
    draw(opened, (1, 1), (6, 6))
    wanted = expected(model, opened.floats("pixels"), opened.get("noise"))
    assert opened.number("rate") == pytest.approx(wanted["rate"], abs=0.06)


@pytest.mark.browser
def test_the_plane_grows_until_q_is_in_it(open_page):  # noqa: F811
    model = strong_vae(2)
    with torch.no_grad():
        model.encoder[-1].bias[:2] += torch.tensor([9.0, -14.0])
    opened = open_page(DrawADigit(model))
    blue = np.array([0, 0x72, 0xB2]) / 255
    assert (np.abs(opened.pixels(".vae-still canvas + canvas") - blue).max(-1) < 0.02).sum() > 20


@pytest.mark.browser
@pytest.mark.parametrize("context", [{"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 900}}])
def test_dark_and_narrow(open_page, context):  # noqa: F811
    _, drawing = drawing_of()
    opened = open_page(drawing, **context)
    draw(opened, (2, 2), (6, 6))
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink = opened.floats("pixels").reshape(8, 8)
    shown = opened.pixels(".vae-surface .vae-image")[..., 0]
    np.testing.assert_allclose(shown, ink if "color_scheme" in context else 1 - ink, atol=1 / 255 + 1e-4)


# In JupyterLab


SETUP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from models import noise_images, strong_vae
from vae_lesson.explorer import DrawADigit
"""


@in_time
def agree(lab_page):
    """The page's read-outs are Python's numbers, once the last stroke has gone there and its log p(x) has come back."""
    names = {"rate": "rate", "value": "log p(x)", "error": "standard error", "effective": "effective sample size"}
    code = f"import json; print(json.dumps([drawing.numbers[name] for name in {[*names.values()]}]))"
    # An answer that came unasked: `numbers` would make one itself.
    lab_page.page.wait_for_function("document.querySelector('[data-number=value]').textContent !== '–'")
    told = json.loads(lab_page.run_python(code))
    lab_page.page.evaluate(SETTLED)
    shown = [lab_page.page.text_content(f"[data-number={key}]").replace("−", "-") for key in names]
    assert "–" not in shown
    assert [float(text) for text in shown] == pytest.approx(told, abs=0.06)


@pytest.mark.browser
def test_python_and_the_page_share_one_drawing(open_notebook):
    lab_page = open_notebook(SETUP, "drawing = DrawADigit(strong_vae(2), noise_images(30), torch.arange(30))\ndrawing")
    page = lab_page.page
    page.wait_for_selector(".vae-surface")
    page.locator(".vae-surface").focus()
    for key in ("Enter", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    agree(lab_page)
    ink = np.array(json.loads(lab_page.run_python("print(drawing.image.tolist())")))
    assert (ink[4:7, 4] == 1).all() and ink.sum() < 20

    lab_page.run_python("drawing.image = noise_images(30)[3]; drawing.z = [1, -1]")
    model = strong_vae(2)
    wanted = expected(model, noise_images(30)[3], json.loads(lab_page.run_python("print(drawing.noise)")))
    assert wanted["z"] == pytest.approx([1, -1], abs=1e-4)

    @in_time
    def the_page_follows():
        assert float(page.text_content("[data-number=distortion]")) == pytest.approx(wanted["distortion z"], abs=0.06)

    the_page_follows()
    assert lab_page.errors == []
