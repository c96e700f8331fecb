"""LatentExplorer as Python sees it: its traits, its texts and its picture, without a browser."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from models import decode, noise_images, strong_vae
from torch import nn

from vae_lesson.explorer import LatentExplorer
from vae_lesson.explorer.network import pack_mlp

SHAPES = [(8, 8), (6, 10), (1, 8, 8), (3, 8, 6)]


def explorer_of(latent_dim=2, image_shape=(8, 8), n=30, labels=True, **settings):
    labels = torch.arange(n) % 10 if labels else None
    model = strong_vae(latent_dim, image_shape=image_shape)
    return LatentExplorer(model, noise_images(n, image_shape), labels, **settings)


def pixels_of(png):
    return np.round(255 * imread(BytesIO(png))[..., :3]).astype(int)


def find(picture, pattern):
    """Whether `pattern` (h, w, 3) stands somewhere in `picture`, up to 1 of 255."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, pattern.shape)[..., 0, :, :, :]
    diagonal = [(i, i) for i in range(0, min(pattern.shape[:2]), 10)]  # a look at a few pixels rules most places out
    likely = np.all([np.abs(windows[:, :, i, j] - pattern[i, j]).max(-1) <= 1 for i, j in diagonal], 0)
    return any(np.abs(windows[place] - pattern).max() <= 1 for place in zip(*likely.nonzero(), strict=True))


@pytest.mark.parametrize("image_shape", SHAPES)
def test_decode_at_moves_z_and_gives_the_models_mean_image(image_shape):
    explorer = explorer_of(image_shape=image_shape)
    image = explorer.decode_at([0.5, -1.25])
    assert explorer.z == [0.5, -1.25]
    assert image.shape == image_shape
    np.testing.assert_allclose(image, decode(strong_vae(2, image_shape=image_shape), [0.5, -1.25]), atol=1e-6)
    assert image.std() > 0.1, "the test's model must make an image with contrast"


@pytest.mark.parametrize("image_shape", SHAPES)
def test_the_snapshot_shows_the_pixels_that_decode_at_gives(image_shape):
    explorer = explorer_of(image_shape=image_shape)
    image = explorer.decode_at([1, 2]).numpy()
    grey = np.repeat(1 - image.reshape(*image.shape[-2:], -1), 3, -1) if image_shape[0] != 3 else None
    image = np.moveaxis(image, 0, -1) if grey is None else grey
    scale = 280 // max(image.shape)
    pattern = np.round(255 * image).astype(int).repeat(scale, 0).repeat(scale, 1)
    assert find(pixels_of(explorer.snapshot()), pattern)
    explorer.decode_at([-1, -2])
    assert not find(pixels_of(explorer.snapshot()), pattern)


@pytest.mark.parametrize("latent_dim", [1, 2, 12])
def test_any_number_of_latents_has_a_picture(latent_dim):
    explorer = explorer_of(latent_dim)
    assert explorer.snapshot().startswith(b"\x89PNG")
    assert len(explorer.axes) == (2 if latent_dim > 1 else 0)


def test_z_takes_lists_arrays_and_tensors():
    explorer = explorer_of()
    for z in ([1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1.0, 2.0], requires_grad=True)):
        explorer.z = [0, 0]
        explorer.z = z
        assert explorer.z == [1.0, 2.0]
        assert all(type(value) is float for value in explorer.z)


@pytest.mark.parametrize("z", [[1], [1, 2, 3], [[1, 2]], 1.0, "ab", None, [np.nan, 0], [0, np.inf], [0, None], {}])
def test_a_bad_z_is_refused_and_changes_nothing(z):
    explorer = explorer_of(z=[1, 2])
    for attempt in (lambda: setattr(explorer, "z", z), lambda: explorer.decode_at(z)):
        with pytest.raises(ValueError, match="z must be 2 finite numbers, not"):
            attempt()
    assert explorer.z == [1, 2]
    explorer.set_state({"z": [3, 4]})  # as the browser does it
    assert explorer.z == [3, 4]
    with pytest.raises(ValueError, match="z must be"):
        explorer.set_state({"z": [None, 1]})  # JSON has no NaN: a browser sends null
    assert explorer.z == [3, 4]


@pytest.mark.parametrize("axes", [[0], [0, 0], [0, 3], [-1, 0], [0, 1, 2], ["a", 0], []])
def test_bad_axes_are_refused(axes):
    explorer = explorer_of(3)
    with pytest.raises(ValueError, match="axes must be 2 different latents, counted from 0 to 2"):
        explorer.axes = axes


def test_the_most_active_latents_are_the_planes_axes():
    model = strong_vae(5)
    with torch.no_grad():  # latents 3 and 1 follow the image, the others hardly
        model.encoder[-1].weight[[0, 2, 4]] *= 0.01
        model.encoder[-1].weight[3] *= 5
    images = noise_images(200)
    explorer = LatentExplorer(model, images)
    mu = model.encode(images)[0].detach().double().numpy()
    np.testing.assert_allclose(explorer.activity, mu.var(0), rtol=1e-4)
    assert explorer.axes == [1, 3]
    assert np.argmax(explorer.activity) == 3
    np.testing.assert_allclose(np.frombuffer(explorer.means, "<f4").reshape(200, 5), mu, atol=1e-4)
    assert explorer.reach >= np.abs(mu).max()


def test_many_images_are_thinned_out_for_the_plane_but_all_count_for_the_activity():
    model, images = strong_vae(2, image_shape=(2, 2)), noise_images(12_000, (2, 2))
    explorer = LatentExplorer(model, images, torch.arange(12_000) % 10)
    assert len(explorer.means) == 5000 * 2 * 4
    assert len(explorer.classes) == 5000
    np.testing.assert_allclose(explorer.activity, model.encode(images)[0].detach().var(0, correction=0), rtol=1e-3)


def test_the_model_may_train_on():
    model = strong_vae(2)
    explorer = LatentExplorer(model, noise_images(5))
    before = explorer.decode_at([1, 1])
    with torch.no_grad():
        model.decoder[0].weight.zero_()
    assert torch.equal(explorer.decode_at([1, 1]), before)


def test_what_a_page_without_javascript_gets():
    explorer = explorer_of(z=[1, 2])
    assert repr(explorer) == "LatentExplorer(latent_dim=2, images=30)"
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert b64decode(data["image/png"]) == explorer.snapshot()
    assert "z = (1.00, 2.00)" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (noise_images(4, (8, 7)), None, r"images must be a tensor of shape \(n, 8, 8\) with n > 0, not \(4, 8, 7\)"),
        (noise_images(0), None, "n > 0"),
        (noise_images(4).numpy(), None, "not ndarray"),
        (2 * noise_images(4), None, r"images must lie in \[0, 1\]"),
        (noise_images(4) * torch.nan, None, r"images must lie in \[0, 1\]"),
        (noise_images(4), [1, 2, 3], r"labels must have shape \(4,\)"),
        (noise_images(4), [0.5] * 4, "labels must be whole numbers"),
        (noise_images(4), [-1, 0, 1, 2], "labels must be whole numbers"),
    ],
)
def test_bad_images_and_labels_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        LatentExplorer(strong_vae(2), images, labels)


def test_a_net_that_the_browser_does_not_know_is_refused():
    with pytest.raises(ValueError, match="must be made of Linear layers with ReLU between them, but has Tanh"):
        pack_mlp(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 4)))
    broken = nn.Linear(2, 3)
    nn.init.constant_(broken.bias, torch.nan)
    with pytest.raises(ValueError, match="all of them finite numbers"):
        pack_mlp(nn.Sequential(broken))
    with pytest.raises(ValueError, match="image"):
        LatentExplorer(strong_vae(2, image_shape=(2, 8, 8)), noise_images(3, (2, 8, 8)))
