"""Interpolation: its paths against a rotation, Python's z and images against the browser's, and the hand."""

import json
import time
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import torch
from models import decode, noise_images, strong_vae
from pages import in_time, node, open_page  # noqa: F401
from scipy.spatial.transform import Rotation, Slerp

from vae_lesson.explorer import Interpolation
from vae_lesson.explorer.interpolation import WAYS, spherical, straight

RNG = np.random.default_rng(1)
PAIRS = [tuple(RNG.normal(size=(2, d))) for d in (2, 3, 10, 50) for _ in range(20)]
TIMES = np.linspace(0, 1, 7)


def interpolation_of(latent_dim=2, likelihood="bernoulli", image_shape=(8, 8), n=12, labels=True, **settings):
    model = strong_vae(latent_dim, (32,), likelihood, image_shape)
    labels = torch.arange(n) % 10 if labels else None
    return model, Interpolation(model, noise_images(n, image_shape), labels, **settings)


def codes(model, widget):
    images = noise_images(12, model.image_shape)
    with torch.no_grad():
        return model.encode(images[[widget.start, widget.end]])[0].double().numpy()


# Python


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_arc_turns_at_an_even_pace_and_its_length_goes_evenly(a, b):
    points = np.array([spherical(a, b, t) for t in TIMES])
    lengths = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(points[[0, -1]], [a, b], atol=1e-12)
    np.testing.assert_allclose(lengths, np.interp(TIMES, [0, 1], [np.linalg.norm(a), np.linalg.norm(b)]), rtol=1e-10)
    steps = np.einsum("ij,ij->i", points[1:], points[:-1]) / lengths[1:] / lengths[:-1]
    np.testing.assert_allclose(np.arccos(steps), np.arccos(steps).mean(), rtol=1e-6)
    basis = np.linalg.svd(np.stack([a, b]))[2][:2]
    np.testing.assert_allclose(points @ basis.T @ basis, points, atol=1e-10)  # it stays in the plane of a and b


def test_the_arc_is_scipys_in_three_dimensions():
    for a, b in (pair for pair in PAIRS if len(pair[0]) == 3):
        axis = np.cross(a, b)
        angle = np.arctan2(np.linalg.norm(axis), a @ b)
        turned = Slerp([0, 1], Rotation.from_rotvec([0 * axis, angle * axis / np.linalg.norm(axis)]))(TIMES).apply(a)
        turned *= np.interp(TIMES, [0, 1], [1, np.linalg.norm(b) / np.linalg.norm(a)])[:, None]
        np.testing.assert_allclose([spherical(a, b, t) for t in TIMES], turned, atol=1e-10)


def test_where_there_is_no_shortest_arc():
    a = np.array([1.0, 2.0])
    for b in (-a, -3 * a, 0 * a):
        assert spherical(a, b, 0.5) is None and spherical(b, a, 0.5) is None
    for factor in (1, 3, 1 + 1e-9):
        np.testing.assert_allclose(spherical(a, factor * a, 0.25), straight(a, factor * a, 0.25), rtol=1e-12)
    near = spherical(a, np.array([1.0, 2.001]), 0.5)
    np.testing.assert_allclose(near, [1, 2.0005], atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"latent_dim": 10}, {"latent_dim": 1}, {"image_shape": (3, 8, 6)}])
@pytest.mark.parametrize("way", WAYS)
def test_z_and_the_decoded_image(settings, way):
    model, widget = interpolation_of(start=3, end=7, **settings)
    widget.way = way
    a, b = codes(model, widget)
    path = {"straight": straight, "spherical": spherical}[way]
    for t in (0, 0.3, 1):
        image = widget.decode_at(t)
        point = path(a, b, t)
        np.testing.assert_allclose(widget.z, straight(a, b, t) if point is None else point, atol=1e-5)
        np.testing.assert_allclose(image, decode(model, widget.z), atol=1e-5)
        assert widget.t == t
    assert image.std() > 0.1


def test_opposite_codes_go_straight():
    model, widget = interpolation_of(1, start=0)
    images = noise_images(12)
    with torch.no_grad():
        mu = model.encode(images)[0][:, 0]
        model.encoder[-1].bias[0] -= mu.median()  # else all codes may have one sign
    widget = Interpolation(model, images)
    with torch.no_grad():
        mu = model.encode(images)[0][:, 0]
    widget.start, widget.end, widget.way = mu.argmin().item(), mu.argmax().item(), "spherical"
    assert mu.min() < 0 < mu.max()
    assert widget.z == pytest.approx([(mu.min() + mu.max()).item() / 2], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("start", [-1, 12, 0.5, "a", None, np.nan, True, [1]], "wanted a whole number: 0 to 11"),
        ("end", [-1, 12, 0.5, "a", None, np.nan, True, [1]], "wanted a whole number: 0 to 11"),
        ("t", [-0.01, 1.01, np.nan, np.inf, "a", None, [0.5], True], "wanted a number from 0 to 1"),
        ("way", ["round", None, 3, np.nan, ["straight"]], "must be one of"),
    ],
)
def test_bad_values_are_refused_and_change_nothing(name, values, wanted):
    _, widget = interpolation_of(start=2, end=5)
    before = [widget.start, widget.end, widget.t, widget.way, widget.z]
    for value in values:
        for attempt in (lambda v=value: setattr(widget, name, v), lambda v=value: widget.set_state({name: v})):
            with pytest.raises(ValueError, match=wanted):
                attempt()
    assert [widget.start, widget.end, widget.t, widget.way, widget.z] == before


def test_bad_arguments():
    model = strong_vae(2)
    for images, message in [
        (None, r"images must be a tensor of shape \(n, 8, 8\)"),
        (noise_images(3, (8, 7)), r"images must be a tensor of shape \(n, 8, 8\)"),
        (noise_images(1001), "images must be at most 1000, not 1001"),
    ]:
        with pytest.raises(ValueError, match=message):
            Interpolation(model, images)
    with pytest.raises(ValueError, match="end is 1; wanted a whole number: 0 to 0"):
        Interpolation(model, noise_images(1))
    with pytest.raises(ValueError, match="labels must have shape"):
        Interpolation(model, noise_images(3), [1])


@pytest.mark.parametrize("settings", [{}, {"latent_dim": 1}, {"latent_dim": 12}, {"image_shape": (3, 8, 6)}])
def test_text_and_picture(settings):
    _, widget = interpolation_of(**settings)
    assert repr(widget) == f"Interpolation(latent_dim={widget.latent_dim}, images=12)"
    data, metadata = widget._repr_mimebundle_()
    assert b64decode(data["image/png"]) == widget.snapshot()
    assert metadata["image/png"]["alt"].startswith("9 images on the way from the code of image 0 to that of image 1")
    before = widget.snapshot()
    widget.t = 0.9
    assert widget.snapshot() != before
    assert "straight one at t = 0.90" in widget.alt()


# Under node


def test_the_browsers_paths_are_pythons():
    code = """return input.map(({ a, b, t }) => [paths.straight(a, b, t), paths.spherical(a, b, t) ?? null]);"""
    a = PAIRS[0][0]
    pairs = [*PAIRS, (a, a), (a, 2 * a), (a, -a), (a, 0 * a), (a, a + 1e-5), (a, 1e-5 - a)]
    questions = [(u, v, t) for u, v in pairs for t in (0, 0.37, 1)]
    told = node(("bytes", "paths"), code, [dict(a=list(u), b=list(v), t=t) for u, v, t in questions])
    for (u, v, t), (line, arc) in zip(questions, told, strict=True):
        np.testing.assert_allclose(line, straight(u, v, t), atol=1e-12)
        wanted = spherical(u, v, t)
        assert (arc is None) == (wanted is None)
        if arc is not None:
            np.testing.assert_allclose(arc, wanted, atol=1e-9)
    assert sum(arc is None for _, arc in told) == 9


# In the browser, with no kernel


def grey(image, dark=False):
    image = image if dark else 1 - image
    return np.repeat(image[..., None], 3, -1) if image.ndim == 2 else np.moveaxis(1 - image, 0, -1)


def assert_shows(opened, model):
    """The large image, the two strips, the thumbnails and the slider are torch's for the page's own state."""
    start, end, t, way = (opened.get(name) for name in ("start", "end", "t", "way"))
    images = noise_images(12, model.image_shape)
    with torch.no_grad():
        a, b = model.encode(images[[start, end]])[0].double().numpy()

    def at(time, path):
        point = spherical(a, b, time) if path == "spherical" else None
        return grey(decode(model, straight(a, b, time) if point is None else point))

    np.testing.assert_allclose(opened.pixels(".vae-choose .vae-image"), at(t, way), atol=1 / 255 + 1e-4)
    for row, path in enumerate(WAYS):  # the strips are made a little at a time
        sheet = np.concatenate([at(i / 8, path) for i in range(9)], axis=1)
        in_time(lambda row=row, sheet=sheet: np.testing.assert_allclose(
            opened.pixels(f".vae-strip .vae-sheet >> nth={row}"), sheet, atol=1 / 255 + 1e-4
        ))()  # fmt: skip
    for index, image in enumerate((start, end)):
        shown = opened.pixels(f".vae-thumb >> nth={index}")
        np.testing.assert_allclose(shown, grey(images[image].numpy()), atol=1.5 / 255)
    assert opened.page.get_by_title("t, from start to end").evaluate("s => s.valueAsNumber") == pytest.approx(t)
    pressed = opened.page.locator(".vae-strip button[aria-pressed=true]").all_text_contents()
    assert pressed == [way]


@pytest.mark.browser
@pytest.mark.parametrize(
    "settings",
    [{}, {"latent_dim": 10, "likelihood": "gaussian"}, {"image_shape": (3, 8, 6)}, {"latent_dim": 1, "labels": False}],
)
def test_mouse_and_keyboard(open_page, settings):  # noqa: F811
    model, widget = interpolation_of(start=3, end=7, **settings)
    opened = open_page(widget)
    page = opened.page
    assert_shows(opened, model)
    before = opened.pixels(".vae-choose .vae-image")

    page.get_by_title("t, from start to end").focus()
    for key in ("PageUp", "ArrowLeft", "ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    assert opened.get("t") == pytest.approx(0.895)
    assert_shows(opened, model)
    assert np.abs(opened.pixels(".vae-choose .vae-image") - before).max() > 0.05, "or nothing was tested"

    page.get_by_role("button", name="spherical").click()
    assert (opened.get("way"), opened.get("t")) == ("spherical", pytest.approx(0.895))
    assert_shows(opened, model)

    box = page.locator(".vae-sheet").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 2.5 / 9, box["y"] + box["height"] / 2)
    assert (opened.get("way"), opened.get("t")) == ("straight", 0.25)
    assert_shows(opened, model)

    page.get_by_title("image at the end").focus()
    for key in ("ArrowRight", "ArrowRight", "Home", "ArrowUp"):
        page.keyboard.press(key)
    assert opened.get("end") == 1
    page.get_by_title("image at the start").focus()
    page.keyboard.press("End")
    assert opened.get("start") == 11
    assert_shows(opened, model)


@pytest.mark.browser
def test_a_drag_along_the_path_and_few_messages(open_page):  # noqa: F811
    model, widget = interpolation_of(start=3, end=7)
    opened = open_page(widget)
    page = opened.page
    blue = opened.pixels(".vae-still canvas + canvas")
    box = page.get_by_title("t, from start to end").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    start = time.monotonic()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=60)
    page.mouse.up()
    page.wait_for_timeout(300)
    most = 2 + (time.monotonic() - start) / 0.15
    assert opened.get("t") == pytest.approx(1, abs=0.02)
    assert_shows(opened, model)
    assert np.abs(opened.pixels(".vae-still canvas + canvas") - blue).max() > 0.5, "the point has moved"
    assert 1 <= page.evaluate("model.saves") <= most
    page.wait_for_function("document.querySelector('[role=status]').textContent.includes('of the way')")


@pytest.mark.browser
def test_opposite_codes_are_said(open_page):  # noqa: F811
    model, widget = interpolation_of(1)
    mu = np.frombuffer(widget.means, "<f4")
    same_sign = bool((mu > 0).all() or (mu < 0).all())
    assert not same_sign, "the test needs codes on both sides of the origin"
    widget.start, widget.end, widget.way = int(mu.argmin()), int(mu.argmax()), "spherical"
    opened = open_page(widget)
    assert_shows(opened, model)
    assert "no shortest arc" in opened.page.text_content(".vae")


@pytest.mark.browser
@pytest.mark.parametrize("context", [{"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 900}}])
def test_dark_and_narrow(open_page, context):  # noqa: F811
    model, widget = interpolation_of(start=3, end=7)
    opened = open_page(widget, **context)
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = "color_scheme" in context
    shown = opened.pixels(".vae-choose .vae-image")
    np.testing.assert_allclose(shown, grey(decode(model, widget.z), dark), atol=1 / 255 + 1e-4)


# In JupyterLab


SETUP = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from models import noise_images, strong_vae
from vae_lesson.explorer import Interpolation
"""


@pytest.mark.browser
def test_python_and_the_page_share_one_place(open_notebook):
    lab_page = open_notebook(SETUP, "path = Interpolation(strong_vae(2), noise_images(12), None, 3, 7)\npath")
    page = lab_page.page
    page.wait_for_selector(".vae-strip")
    page.get_by_title("t, from start to end").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="spherical").click()

    @in_time
    def python_follows():
        assert json.loads(lab_page.run_python("import json; print(json.dumps([path.t, path.way]))")) == [1, "spherical"]

    python_follows()
    lab_page.run_python("path.start = 5; path.way = 'straight'; image = path.decode_at(0.25)")
    page.wait_for_function("document.querySelector('.vae-choose .vae-image').ariaLabel.includes('t = 0.25')")
    z = json.loads(lab_page.run_python("print(path.z)"))
    shown = page.eval_on_selector(
        ".vae-choose .vae-image", "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    expected = 1 - decode(strong_vae(2), z).ravel()
    np.testing.assert_allclose(np.array(shown).reshape(64, 4)[:, 0] / 255, expected, atol=1 / 255 + 1e-4)
    assert lab_page.errors == []
