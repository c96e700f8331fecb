"""LatentExplorer's ellipse and traversals, and DrawADigit's ellipse, on their pages in the browser."""

import numpy as np
import pytest
import torch
from models import decode, noise_images, strong_vae
from pages import in_time, open_page  # noqa: F401

from vae_lesson.explorer import DrawADigit, LatentExplorer

pytestmark = pytest.mark.browser

BLUE = np.array([0x00, 0x72, 0xB2]) / 255  # q's colour on a light page


def q_of(model, images):
    with torch.no_grad():
        mu, log_var = model.encode(images)
    return mu.numpy(), (0.5 * log_var).exp().numpy()


def narrow_vae(latent_dim=2):
    """Its q are narrow enough to lie inside the plane with both ellipses."""
    model = strong_vae(latent_dim)
    with torch.no_grad():
        model.encoder[-1].bias[latent_dim:] -= 3
    return model


def assert_ellipse(opened, mean, spread, reach):
    """The blue on the plane's front reaches two standard deviations from the mean to either side."""
    canvas = opened.pixels(".vae-pad canvas + canvas")
    rows, columns = (np.abs(canvas - BLUE).max(-1) < 0.02).nonzero()
    height, width = canvas.shape[:2]
    across = (2 * reach) / (width - 38) * (np.array([columns.min(), columns.max() + 1]) - 30) - reach
    up = reach - (2 * reach) / (height - 34) * (np.array([rows.max() + 1, rows.min()]) - 8)
    for found, m, s in ((across, mean[0], spread[0]), (up, mean[1], spread[1])):
        np.testing.assert_allclose(found, [m - 2 * s, m + 2 * s], atol=2.5 * 2 * reach / width)


@pytest.mark.parametrize(("latent_dim", "axes"), [(2, [0, 1]), (4, [3, 1])])
def test_the_ellipses_are_the_nearest_images_q(open_page, latent_dim, axes):  # noqa: F811
    model, images = narrow_vae(latent_dim), noise_images(20)
    mu, sigma = q_of(model, images)
    for image in (4, 11):
        explorer = LatentExplorer(model, images, torch.arange(20) % 10, z=mu[image])
        explorer.axes = axes
        opened = open_page(explorer)
        assert_ellipse(opened, mu[image, axes], sigma[image, axes], explorer.reach)
        assert f"q of the nearest image, class {image % 10}" in opened.page.text_content(".vae-plane")


def test_a_drawings_ellipses_are_its_q(open_page):  # noqa: F811
    model = narrow_vae()
    with torch.no_grad():
        model.encoder[-1].bias[2:] += 3.5  # wide enough to need no close-up
    drawing = DrawADigit(model)
    drawing.image = noise_images(1)[0]
    mu, sigma = q_of(model, torch.as_tensor(drawing.image >= 0.5)[None].float())
    assert_ellipse(open_page(drawing), mu[0], sigma[0], max(3, np.ceil((np.abs(mu) + 2 * sigma).max())))


@pytest.mark.parametrize(("latent_dim", "image_shape"), [(1, (8, 8)), (2, (8, 8)), (12, (3, 8, 6))])
def test_traversals(open_page, latent_dim, image_shape):  # noqa: F811
    model = strong_vae(latent_dim, image_shape=image_shape)
    z = np.linspace(-1, 2, latent_dim)
    explorer = LatentExplorer(model, noise_images(30, image_shape), z=z)
    opened = open_page(explorer)
    sheet = opened.page.locator(".vae-traversals")
    assert not sheet.is_visible()
    opened.page.get_by_role("button", name="Show traversals").click()
    opened.page.wait_for_function("document.querySelector('.vae-traversals canvas').width !== 300")
    order = np.argsort(-np.array(explorer.activity)) if latent_dim > 2 else range(latent_dim)

    @in_time  # it is made a little at a time
    def assert_sheet(at):
        shown = opened.pixels(".vae-traversals canvas")
        for row, latent in enumerate(order):
            for column in (0, 3, 8):
                point = at.copy()
                point[latent] = explorer.reach * (column / 4 - 1)
                image = decode(model, point)
                wanted = np.moveaxis(image, 0, -1) if image.ndim == 3 else np.repeat(1 - image[..., None], 3, -1)
                height, width = wanted.shape[:2]
                tile = shown[row * height : (row + 1) * height, column * width : (column + 1) * width]
                np.testing.assert_allclose(tile, wanted, atol=1 / 255 + 1e-4)

    assert_sheet(z)
    opened.page.locator(".vae input[type=range]").first.focus()
    opened.page.keyboard.press("PageUp")
    z[order[0]] = min(explorer.reach, z[order[0]] + 1)
    assert_sheet(z)
    opened.page.get_by_role("button", name="Hide traversals").click()
    assert not sheet.is_visible()


def test_a_z_from_outside_is_shown_at_the_edge_and_nan_at_zero(open_page):  # noqa: F811
    model = strong_vae(2)
    explorer = LatentExplorer(model, noise_images(30))
    opened = open_page(explorer)
    for z, wanted in [("[1e9, -1e300]", [explorer.reach, -explorer.reach]), ("[NaN, Infinity]", [0, 0])]:
        opened.page.evaluate(f"model.set('z', {z})")
        shown = opened.pixels(".vae-image")[..., 0]
        np.testing.assert_allclose(shown, 1 - decode(model, wanted), atol=1 / 255 + 1e-4)
