"""The model that comes with the course: what it achieves, where its tour leads, and what a damaged file says."""

import pytest
import torch

from vae_lesson import checkpoint, data, pretrained
from vae_lesson.checkpoint import CheckpointError
from vae_lesson.evaluate import evaluate
from vae_lesson.model import VAE


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_what_it_achieves_on_held_out_digits(digits):
    score = evaluate(pretrained.load(), digits.held_out.images)
    assert -148 < score.elbo < -145.5  # sixty epochs of lesson 8's wider net reach -144.3, in one cycle
    assert 5.8 < score.rate < 6.8 and score.active_units == 2


def test_every_stop_of_the_tour_looks_like_its_digit(digits):
    """Judged by the five training images that are nearest in pixels, not by the model."""
    stops = torch.tensor([*pretrained.TOUR.values()])
    with torch.no_grad():
        images = pretrained.load().decode(stops).mean
    nearest = torch.cdist(images.flatten(1), digits.train.images.flatten(1)).topk(5, largest=False).indices
    seen = digits.train.labels[nearest].mode().values
    assert [*map(str, seen.tolist())] == [*pretrained.TOUR]
    assert sorted(pretrained.TOUR) == [*"0123456789"]


def test_it_is_an_ordinary_vae_and_draws_nothing_from_torchs_generator():
    before = torch.get_rng_state()
    model = pretrained.load()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(value.dtype == torch.float32 and value.device.type == "cpu" for value in model.state_dict().values())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert pretrained.FILE.stat().st_size < 2**20


def test_half_precision_moves_no_pixel_visibly(tmp_path):
    torch.manual_seed(0)
    model = VAE(2, (16,), "gaussian")
    pretrained.save(model, tmp_path / "model.pt")
    z = torch.randn(50, 2)
    with torch.no_grad():
        difference = pretrained.load(tmp_path / "model.pt").decode(z).mean - model.decode(z).mean
    assert difference.abs().max() < 0.5 / 255


@pytest.mark.parametrize("place", [0, 30, 100, 5000, -1])
def test_a_damaged_file_is_refused(tmp_path, place):
    whole = bytearray(pretrained.FILE.read_bytes())
    whole[place] ^= 1
    (tmp_path / "bad.pt").write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"that comes with the course can't be used(.|\n)*pretrain\.py"):
        pretrained.load(tmp_path / "bad.pt")


def test_other_files_are_refused(tmp_path):
    bad = tmp_path / "bad.pt"
    for content in ({}, {"config": {"latent_dim": 2}, "model": {}}, {"config": 3, "model": 4}):
        checkpoint.save(bad, content)
        with pytest.raises(CheckpointError, match="can't be used"):
            pretrained.load(bad)
    bad.write_bytes(pretrained.FILE.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        pretrained.load(bad)
    with pytest.raises(CheckpointError, match="No such file"):
        pretrained.load(tmp_path / "none.pt")
