"""PosteriorExplorer: its numbers against quadrature in numpy, its contours against circles, and the hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from models import noise_images, strong_vae
from pages import SETTLED, in_time
from run_node import node, offers_render
from scipy.special import logsumexp

from vae_lesson.explorer import PosteriorExplorer
from vae_lesson.explorer.posterior_explorer import SHOWN

N = 5


def setting(likelihood="bernoulli"):
    """A model whose q is not its posterior, and images as it takes them."""
    images = noise_images(N)
    return strong_vae(2, likelihood=likelihood), (images > 0.5).float() if likelihood == "bernoulli" else images


def by_quadrature(model, x, q, points=651, reach=13.0):
    """log p(x), the ELBO and KL(q, posterior) of one image on a fine grid, in numpy; q is (mu, sigma)."""
    axis = np.linspace(-reach, reach, points)
    z = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    layers = [(layer.weight.double().numpy(), layer.bias.double().numpy()) for layer in model.decoder[::2]]
    hidden = np.maximum(z @ layers[0][0].T + layers[0][1], 0)
    logits = hidden @ layers[1][0].T + layers[1][1]
    x = x.double().numpy().ravel()
    if model.likelihood == "bernoulli":
        log_likelihood = logits @ x - np.logaddexp(0, logits).sum(1)
    else:
        sigma = float(model.log_sigma.exp())
        off = (x - 1 / (1 + np.exp(-logits))) / sigma
        log_likelihood = -0.5 * (off**2 + np.log(2 * np.pi * sigma**2)).sum(1)
    log_normal = lambda mu, sigma: (-0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))).sum(1)  # noqa: E731
    log_joint, log_q = log_likelihood + log_normal(np.zeros(2), np.ones(2)), log_normal(*q)
    cell = (axis[1] - axis[0]) ** 2
    evidence = logsumexp(log_joint) + np.log(cell)
    weights = np.exp(log_q) * cell
    return evidence, weights @ (log_joint - log_q), weights @ (log_q - (log_joint - evidence))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@torch.no_grad()
def test_numbers_by_quadrature(likelihood):
    model, images = setting(likelihood)
    explorer = PosteriorExplorer(model, images)
    mu, log_var = model.encode(images)
    gaps = []
    for i in range(N):
        explorer.set(index=i)
        n = explorer.numbers
        evidence, elbo, kl = by_quadrature(model, images[i], (mu[i].numpy(), (0.5 * log_var[i]).exp().numpy()))
        assert n["log p(x)"] == pytest.approx(evidence, abs=2e-3)
        assert n["ELBO"] == pytest.approx(elbo, abs=1e-2)
        assert n["KL(q, posterior)"] == pytest.approx(kl, abs=1e-2)
        assert n["ELBO"] == -(n["rate"] + n["distortion"]) and n["rate"] > 0
        gaps.append(kl)
    assert min(gaps) > 0 and max(gaps) > 1


@torch.no_grad()
def test_density_levels_and_view():
    model, images = setting()
    explorer = PosteriorExplorer(model, images)
    tables = np.frombuffer(explorer.densities, np.uint8).reshape(N, SHOWN, SHOWN)
    for table, x, place in zip(tables, images, explorer.places, strict=True):
        z_1, z_2 = np.linspace(*place["z_1"], SHOWN), np.linspace(*place["z_2"], SHOWN)
        z = torch.tensor(np.stack(np.meshgrid(z_1, z_2), -1), dtype=torch.float32)
        log_joint = model.decode(z).log_prob(x) - 0.5 * z.square().sum(-1)
        density = (log_joint - log_joint.max()).exp().numpy()
        assert np.abs(table / 255 - density).mean() < 2e-3 and np.abs(table / 255 - density).max() < 0.1
        held = [table[table > 255 * level].sum() / table.sum() for level in place["levels"]]
        assert held == pytest.approx([1 - np.exp(-0.5), 1 - np.exp(-2)], abs=0.02)
        low, high = np.subtract(place["view"][:2], place["view"][2]), np.add(place["view"][:2], place["view"][2])
        seen = (table > 255 * 0.01).nonzero()
        for axis, (z, where) in enumerate(((z_1, seen[1]), (z_2, seen[0]))):
            reach = place["mu"][axis] + 2 * np.array([-1, 1]) * place["sigma"][axis]
            assert low[axis] < min(z[where.min()], reach[0]) and max(z[where.max()], reach[1]) < high[axis]


def test_the_model_is_copied():
    model, images = setting()
    explorer = PosteriorExplorer(model, images)
    before, picture = explorer.numbers, explorer.snapshot()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    images.zero_()
    assert explorer.numbers == before and explorer.snapshot() == picture


def test_bad_arguments():
    model, images = setting()
    with pytest.raises(ValueError, match="model has 3 latents; wanted 2"):
        PosteriorExplorer(strong_vae(3), images)
    with pytest.raises(ValueError, match="images have grey pixels; wanted 0 and 1"):
        PosteriorExplorer(model, noise_images(3))
    with pytest.raises(ValueError, match="images are 41; wanted at most 40"):
        PosteriorExplorer(model, torch.zeros(41, 8, 8))
    with pytest.raises(ValueError, match="images must be a tensor of shape"):
        PosteriorExplorer(model, images[:, :4])
    with pytest.raises(ValueError, match="labels must have shape"):
        PosteriorExplorer(model, images, [1, 2])
    explorer = PosteriorExplorer(model, images, index=2)
    for bad in (-1, N, 1.5, np.nan, "1", True):
        with pytest.raises(ValueError, match=r"index is .* 0 to 4"):
            explorer.index = bad
        with pytest.raises(ValueError, match="index is"):
            explorer.set(index=bad)
    assert explorer.index == 2


def test_text_and_picture():
    model, images = setting()
    explorer = PosteriorExplorer(model, images, range(N))
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer) == "PosteriorExplorer(images=5)"
    assert "true posterior" in metadata["image/png"]["alt"]
    before = explorer.snapshot()
    explorer.set(index=1)
    assert before.startswith(b"\x89PNG") and explorer.snapshot() != before


# The browser's contours, in node

CONTOURS = """
import { contourPieces } from "HERE/contours.js";
// read
console.log(JSON.stringify(input.map(([values, columns, level]) => contourPieces(values, columns, level))));
"""


def test_contours_of_a_gaussian_are_circles():
    axis = np.arange(41) - 20.0
    table = np.exp(-(axis[None] ** 2 + (axis[:, None] - 3) ** 2) / (2 * 36))
    tables = [[table.ravel().tolist(), 41, np.exp(-half)] for half in (0.5, 2)]
    for radius, pieces in zip((6, 12), node(CONTOURS, tables), strict=True):
        pieces = np.array(pieces) - [20, 23]
        assert np.abs(np.linalg.norm(pieces, axis=-1) - radius).max() < 0.06
        length = np.linalg.norm(pieces[:, 0] - pieces[:, 1], axis=-1).sum()
        assert length == pytest.approx(2 * np.pi * radius, rel=0.01)


def test_a_saddle_keeps_the_hills_apart_or_joins_them():
    valley, ridge = node(CONTOURS, [[[1, 0, 0, 1], 2, 0.6], [[1, 0, 0, 1], 2, 0.4]])
    hill = lambda piece: [sum(ends) for ends in zip(*piece, strict=True)]  # noqa: E731
    assert sorted(hill(piece) for piece in valley) == [pytest.approx([0.4, 0.4]), pytest.approx([1.6, 1.6])]
    assert sorted(hill(piece) for piece in ridge) == [pytest.approx([0.4, 1.6]), pytest.approx([1.6, 0.4])]


def test_bundle(tmp_path):
    assert offers_render("posterior_explorer.js", tmp_path)


# In JupyterLab

SETUP = f"""import json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_posterior_explorer import setting
from vae_lesson.explorer import PosteriorExplorer"""
KEYS = {"evidence": "log p(x)", "elbo": "ELBO", "gap": "KL(q, posterior)", "rate": "rate", "distortion": "distortion"}
COLOURS = """([canvas, x, y]) => {
    const { data } = canvas.getContext("2d").getImageData(Math.round(x) - 1, Math.round(y) - 1, 3, 3);
    return Array.from({ length: 9 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
}"""


@in_time
def shows(lab_page, index):
    """The page and Python are at this image; the read-outs are Python's. Returns what Python knows of the place."""
    page = lab_page.page
    page.evaluate(SETTLED)
    told = json.loads(lab_page.run_python("print(json.dumps([w.index, w.numbers, w.places[w.index]]))"))
    assert told[0] == index
    for key, name in KEYS.items():
        shown = float(page.locator(f"[data-number={key}]").inner_text().replace("−", "-"))
        assert shown == pytest.approx(told[1][name], abs=6e-3)
    chosen = page.locator(".vae-pick[aria-checked=true]").get_attribute("aria-label")
    assert chosen == f"image {index}, class {index}: {told[1]['KL(q, posterior)']:.1f}"
    return told[2]


@pytest.mark.browser
def test_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = PosteriorExplorer(*setting(), range(5))\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-near")
    shows(lab_page, 0)
    page.get_by_label("image", exact=True).focus()
    page.keyboard.press("ArrowRight")
    shows(lab_page, 1)
    page.locator(".vae-pick").nth(3).click()
    shows(lab_page, 3)
    page.locator(".vae-pick[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")  # the thumbnails are one stop for the keyboard, and arrows move in them
    shows(lab_page, 4)
    assert page.locator(".vae-pick[tabindex='0']").count() == 1
    lab_page.run_python("w.set(index=2)")
    place = shows(lab_page, 2)

    _, images = setting()
    explorer = PosteriorExplorer(setting()[0], images)
    table = np.frombuffer(explorer.densities, np.uint8).reshape(N, SHOWN, SHOWN)[2]
    row, column = np.unravel_index(table.argmax(), table.shape)
    peak = np.linspace(*place["z_1"], SHOWN)[column], np.linspace(*place["z_2"], SHOWN)[row]
    canvas = page.locator(".vae-near").element_handle()
    width, height = page.evaluate("canvas => [canvas.clientWidth, canvas.clientHeight]", canvas)
    x0, y0, half = place["view"]

    def colours_at(z):
        """Red, green, blue and alpha of nine pixels, the place itself in their middle."""
        across, up = ((z[i] - (x0, y0)[i] + half) / (2 * half) for i in (0, 1))
        return np.array(page.evaluate(COLOURS, [canvas, 42 + (width - 52) * across, 8 + (height - 32) * (1 - up)]))

    red, green, blue, alpha = colours_at(peak)[4]
    assert [red, green, blue] == pytest.approx([230, 159, 0], abs=6) and alpha > 230  # the posterior's orange
    assert colours_at((x0 + 0.97 * half, y0 + 0.7 * half))[4, 3] < 40  # and nothing at the rim
    mu, sigma = place["mu"], place["sigma"]
    for side in (-2, -1, 1, 2):  # q's ellipses
        edge = colours_at((mu[0] + side * sigma[0], mu[1]))
        assert np.abs(edge - [0, 114, 178, 255]).max(1).min() < 20
    assert lab_page.errors == []
