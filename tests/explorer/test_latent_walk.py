"""LatentWalk: the path's points and images against the layers themselves, the browser's against Python's, the hand."""

import time
from base64 import b64decode

import numpy as np
import pytest
import torch
from models import decode, noise_images, strong_vae
from pages import node, open_page  # noqa: F401

from vae_lesson.explorer import LatentWalk

POINTS = {"a": (-1.0, 0.5), "b": (2.0, 1.0), "c": (0.0, -2.0), "d": (0.5, 0.5)}
PLACES = [0, 0.25, 1, 1.5, 2.9, 3]


def walk_of(latent_dim=2, image_shape=(8, 8), images=12, labels=True):
    model = strong_vae(latent_dim, (32,), image_shape=image_shape)
    stops = {name: [*point, *[0.3] * latent_dim][:latent_dim] for name, point in POINTS.items()}
    shown = noise_images(images, image_shape) if images else None
    return model, stops, LatentWalk(model, stops, shown, torch.arange(images) % 10 if labels and images else None)


def wanted_z(stops, position):
    """The path's point, one coordinate at a time."""
    return [np.interp(position, range(len(stops)), values) for values in zip(*stops.values(), strict=True)]


@pytest.mark.parametrize("settings", [{}, {"latent_dim": 10}, {"latent_dim": 1}, {"image_shape": (3, 8, 6)}])
def test_z_and_the_decoded_image(settings):
    model, stops, widget = walk_of(**settings)
    for position in PLACES:
        image = widget.decode_at(position)
        assert widget.position == position
        np.testing.assert_allclose(widget.z, wanted_z(stops, position), atol=1e-6)
        np.testing.assert_allclose(image, decode(model, widget.z), atol=1e-5)
    assert image.std() > 0.1


def test_bad_positions_are_refused_and_change_nothing():
    _, _, widget = walk_of()
    widget.position = 1.5
    for value in (-0.01, 3.01, np.nan, np.inf, "a", None, [1], True):
        for attempt in (lambda v=value: setattr(widget, "position", v), lambda v=value: widget.decode_at(v)):
            with pytest.raises(ValueError, match=r"position is .*; wanted a number from 0, the first stop, to 3"):
                attempt()
    assert widget.position == 1.5


@pytest.mark.parametrize("stops", [
    {}, dict(a=(0, 0)), dict(a=(0, 0, 0), b=(1, 1, 1)), dict(a=(0, 0), b=(0, np.inf)), dict(a=(0, 0), b=(0,)),
    dict(a="xy", b=(0, 0)), dict(a=None, b=None), [(0, 0), (1, 1)],
])  # fmt: skip
def test_bad_stops(stops):
    with pytest.raises(ValueError, match=r"stops must name two points or more, each of 2 numbers, not [{\[]"):
        LatentWalk(strong_vae(2), stops)


@pytest.mark.parametrize("settings", [{}, {"latent_dim": 1}, {"image_shape": (3, 8, 6)}, {"images": 0}])
def test_text_and_picture(settings):
    _, _, widget = walk_of(**settings)
    assert repr(widget) == f"LatentWalk(latent_dim={widget.latent_dim}, images={settings.get('images', 12)}, stops=4)"
    data, metadata = widget._repr_mimebundle_()
    assert b64decode(data["image/png"]) == widget.snapshot()
    assert metadata["image/png"]["alt"].endswith("with the stops a, b, c, d, and the image decoded at the stop a")
    before = widget.snapshot()
    widget.position = 1.4
    assert widget.snapshot() != before and "40 % of the way from b to c" in widget.alt()


def test_the_browsers_path_is_pythons():
    _, stops, _ = walk_of()
    code = "return input.places.map((place) => latent_walk.pointOf(input.stops, place));"
    told = node(("bytes", "latent_walk"), code, dict(stops=[*stops.values()], places=PLACES))
    np.testing.assert_allclose(told, [wanted_z(stops, place) for place in PLACES], atol=1e-12)


# In the browser, with no kernel


def assert_shows(opened, model, stops):
    """The image, the strip and the slider are torch's for the page's own position."""
    position = opened.get("position")
    for selector, images in (
        (".vae-walk .vae-image", [decode(model, wanted_z(stops, position))]),
        (".vae-walk .vae-sheet", [decode(model, point) for point in stops.values()]),
    ):
        sheet = np.concatenate(images, axis=-1)
        sheet = np.repeat(1 - sheet[..., None], 3, -1) if sheet.ndim == 2 else np.moveaxis(sheet, 0, -1)
        np.testing.assert_allclose(opened.pixels(selector), sheet, atol=1 / 255 + 1e-4)
    slider = opened.page.get_by_title("position on the path")
    assert slider.evaluate("s => s.valueAsNumber") == pytest.approx(position)


@pytest.mark.browser
@pytest.mark.parametrize("settings", [{}, {"latent_dim": 10}, {"image_shape": (3, 8, 6)}, {"images": 0}])
def test_keyboard_and_clicks(open_page, settings):  # noqa: F811
    model, stops, widget = walk_of(**settings)
    opened = open_page(widget)
    page = opened.page
    assert_shows(opened, model, stops)
    page.get_by_title("position on the path").focus()
    for key, position in [("PageUp", 1), ("ArrowRight", 1.1), ("Shift+ArrowRight", 1.11), ("End", 3), ("ArrowUp", 3)]:
        page.keyboard.press(key)
        assert opened.get("position") == pytest.approx(position)
        assert_shows(opened, model, stops)
    assert page.locator(".vae-walk > .vae-note").text_content() == "d"
    page.keyboard.press("ArrowDown")
    opened.settle()
    assert page.locator(".vae-walk > .vae-note").text_content() == "c → d, 90 %"
    box = page.locator(".vae-sheet").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 1.5 / 4, box["y"] + box["height"] / 2)
    assert opened.get("position") == 1
    assert_shows(opened, model, stops)


@pytest.mark.browser
def test_a_drag_and_few_messages(open_page):  # noqa: F811
    model, stops, widget = walk_of()
    opened = open_page(widget)
    page = opened.page
    point = opened.pixels(".vae-still canvas + canvas")
    box = page.get_by_title("position on the path").bounding_box()
    sheet = page.locator(".vae-sheet").bounding_box()
    page.mouse.move(sheet["x"] + sheet["width"] / 8, box["y"] + box["height"] / 2)  # over the middle of the first stop
    start = time.monotonic()
    page.mouse.down()
    page.mouse.move(sheet["x"] + sheet["width"] * 5 / 8, box["y"] + box["height"] / 2, steps=60)  # and of the third
    page.mouse.up()
    page.wait_for_timeout(300)
    most = 2 + (time.monotonic() - start) / 0.15
    assert opened.get("position") == pytest.approx(2, abs=0.03)
    assert_shows(opened, model, stops)
    assert np.abs(opened.pixels(".vae-still canvas + canvas") - point).max() > 0.5, "the point has moved"
    assert 1 <= page.evaluate("model.saves") <= most
