"""MonteCarloExplorer: Python against scipy, the browser's arithmetic against Python, and the hand."""

import json
import subprocess
import sys
from base64 import b64decode, b64encode

import numpy as np
import pytest
from pages import SETTLED, in_time
from run_node import node, offers_render
from scipy import stats
from scipy.special import logsumexp

from vae_lesson.explorer import MonteCarloExplorer
from vae_lesson.explorer.monte_carlo_explorer import FEW, MOST
from vae_lesson.linear_gaussian import LinearGaussian

SHAPE = (5, 6)
RNG = np.random.default_rng(4)
X = RNG.uniform(0, 1, SHAPE)
MODELS = {d: LinearGaussian(RNG.normal(0, 0.25, (30, d)), RNG.uniform(0.3, 0.7, 30), 0.3) for d in (8, 1, 2, 20)}


def make(**settings):
    return MonteCarloExplorer(MODELS, X, **settings)


# Python


@pytest.mark.parametrize(("dimension", "n", "noise"), [(1, 1, 1.0), (2, 700, 0.5), (8, 10_000, 2.5), (20, 37, 4.0)])
def test_numbers_by_scipy(dimension, n, noise):
    explorer = make(seed=3)
    explorer.set(n=n, dimension=dimension, noise=noise)
    model, x = MODELS[dimension], X.ravel()
    sigma = model.sigma * noise
    z = np.random.default_rng(3).standard_normal((MOST, dimension))[:n]
    log_weights = stats.norm.logpdf(x, z @ model.W.T + model.b, sigma).sum(1)
    shares = np.exp(log_weights - logsumexp(log_weights))
    told = explorer.numbers
    exact = stats.multivariate_normal(model.b, model.W @ model.W.T + sigma**2 * np.eye(30)).logpdf(x)
    cov = np.linalg.inv(np.eye(dimension) + model.W.T @ model.W / sigma**2)
    mean = cov @ model.W.T @ (x - model.b) / sigma**2
    kl = 0.5 * (np.trace(cov) + mean @ mean - dimension - np.linalg.slogdet(cov)[1])
    assert np.isclose(told["log p(x)"], exact, atol=1e-9)
    assert np.isclose(told["log estimate"], logsumexp(log_weights) - np.log(n), atol=1e-9)
    assert np.isclose(told["effective sample size"], 1 / (shares**2).sum(), rtol=1e-9)
    assert np.isclose(told["largest share"], shares.max(), rtol=1e-9)
    assert np.isclose(told["KL(posterior, prior)"], kl, atol=1e-9) and np.isclose(told["e^KL"], np.exp(kl))
    weights = np.exp(log_weights - log_weights.max())
    error = weights.std(ddof=1) / weights.mean() / np.sqrt(n) if n > 1 else np.nan
    assert np.isclose(told["standard error"], error, rtol=1e-9, equal_nan=True)


def test_every_sample_that_a_bar_may_stand_for_has_its_picture():
    explorer = make()
    pictures = np.frombuffer(explorer.pictures, np.uint8).reshape(-1, 30)
    assert len(pictures) == 1 + sum(len(place["shown"]) for place in explorer.places)
    assert np.array_equal(pictures[0], np.rint(255 * X.ravel()))
    first = 1
    for place in explorer.places:
        model, shown = MODELS[place["dimension"]], np.array(place["shown"])
        z = np.random.default_rng(0).standard_normal((MOST, place["dimension"]))
        for n in (1, 5, 12, 13, 400, MOST):
            nearest = model.log_likelihood(X.reshape(1, -1), z[:n]).argsort()[::-1][:FEW]
            assert set(nearest) <= set(shown)
        drawn = np.rint(255 * np.clip(z[shown] @ model.W.T + model.b, 0, 1))
        assert np.abs(pictures[first : first + len(shown)] - drawn).max() <= 1
        first += len(shown)


def test_what_is_sent_is_small_and_without_pictures_for_a_flat_x():
    models = {d: LinearGaussian(RNG.normal(0, 0.2, (784, d)), 0.5, 0.3) for d in (1, 2, 5, 10, 20, 50)}
    explorer = MonteCarloExplorer(models, np.full((1, 28, 28), 0.5))
    assert len(explorer.offs) + len(explorer.pictures) < 2e6
    assert explorer.image_shape == [1, 28, 28]
    flat = MonteCarloExplorer({1: LinearGaussian(1.5, 0.0, 0.5)}, 1.0, dimension=1)
    assert (flat.image_shape, flat.pictures) == ([], b"")
    assert np.isclose(flat.numbers["log p(x)"], stats.norm(0, np.sqrt(1.5**2 + 0.25)).logpdf(1), atol=1e-12)


@pytest.mark.parametrize(
    ("trait", "bad"),
    [(trait, bad) for trait in ("n", "dimension", "noise") for bad in (np.nan, np.inf, -1, 0, "2", [2], True)]
    + [("n", 10_001), ("n", 2.5), ("dimension", 3), ("noise", 0.49), ("noise", 4.01)],
)
def test_a_bad_place_is_refused_and_nothing_moves(trait, bad):
    explorer = make(n=50)
    with pytest.raises(ValueError, match=f"^{trait} is"):
        setattr(explorer, trait, bad)
    good = {"n": 7, "dimension": 1, "noise": 2.0}
    with pytest.raises(ValueError, match=f"^{trait} is"):
        explorer.set(**good | {trait: bad})
    assert (explorer.n, explorer.dimension, explorer.noise) == (50, 2, 1.0)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"models is \{\}"):
        MonteCarloExplorer({}, X)
    with pytest.raises(ValueError, match=r"models\[3\].*that many latents"):
        MonteCarloExplorer({3: MODELS[2]}, X)
    for x in (X[:4], np.full(SHAPE, np.nan)):
        with pytest.raises(ValueError, match=r"x has shape.*30 pixels"):
            MonteCarloExplorer(MODELS, x)
    for runs in (0, 13, 2.0):
        with pytest.raises(ValueError, match=r"runs is .* 1 to 12 for 4 models"):
            make(runs=runs)
    with pytest.raises(ValueError, match="dimension is 3; wanted a whole number: 1, 2, 8, 20"):
        make(dimension=3)


def test_text_and_picture():
    explorer = make()
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer) == "MonteCarloExplorer(dimensions=[1, 2, 8, 20], runs=5)"
    pictures = {b64decode(data["image/png"])}
    assert "exact value" in metadata["image/png"]["alt"] and "2 latents" in metadata["image/png"]["alt"]
    for change in (dict(n=3), dict(dimension=20), dict(noise=2.0)):
        explorer.set(**change)
        pictures.add(explorer.snapshot())
    explorer.rule, explorer.dimension = True, 1
    pictures.add(explorer.snapshot())
    assert len(pictures) == 5 and all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert repr(explorer) == data["text/plain"]


def test_needs_no_torch():
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
from vae_lesson.explorer import MonteCarloExplorer, RunPicture, RunsExplorer
from vae_lesson.linear_gaussian import LinearGaussian
w = MonteCarloExplorer({1: LinearGaussian(np.ones((4, 1)), 0.0, 1.0)}, np.ones((2, 2)), dimension=1)
print(w._repr_mimebundle_()[0]["text/plain"], RunsExplorer([RunPicture("a", 1, 2, np.ones((3, 1, 2, 2)))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "MonteCarloExplorer(dimensions=[1], runs=5) RunsExplorer(runs=1)\n", done.stderr


# The browser's arithmetic, in node

BROWSER = """
import { exactNumbers, logCounts, runningEstimate, summaryOf } from "HERE/monte_carlo.js";
import { rangeOf } from "HERE/estimate_chart.js";
// read
const buffer = Buffer.from(input.offs, "base64");
const offs = new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length));
const [runs, most] = [input.runs, offs.length / (input.runs * input.places.length)];
const run = (place, r) => {
  const start = (input.places.indexOf(place) * runs + r) * most;
  return offs.subarray(start, start + most);
};
console.log(JSON.stringify(input.many.map(([n, dimension, noise]) => {
  const place = input.places.find((one) => one.dimension === dimension);
  const sigma = noise * place.sigma;
  const counts = logCounts(most, 60);
  const lines = Array.from({ length: runs }, (_, r) => runningEstimate(place, run(place, r), sigma, counts));
  const exact = exactNumbers(place, sigma);
  return { ...exact, ...summaryOf(place, run(place, 0), sigma, n, 12), counts, lines,
    range: rangeOf(lines, exact.evidence, counts), few: runningEstimate(place, run(place, 0), sigma, [n])[0] };
})));
"""
KEYS = {
    "evidence": ("log p(x)", 1e-9),
    "kl": ("KL(posterior, prior)", 1e-9),
    "estimate": ("log estimate", 2e-4),  # float32 knows a squared distance of 30 to 2e-6, and divides it by 2 sigma^2
    "few": ("log estimate", 2e-4),
    "error": ("standard error", 1e-3),
    "effective": ("effective sample size", 1e-3),
    "largest": ("largest share", 1e-3),
}


def test_browser_and_python_agree():
    explorer = make()
    many = [(n, d, s) for n in (1, 2, 9, 77, 3000, MOST) for d in (1, 2, 8, 20) for s in (0.5, 1.0, 1.7, 4.0)]
    data = dict(offs=b64encode(explorer.offs).decode(), runs=explorer.runs, places=explorer.places, many=many)
    for (n, dimension, noise), theirs in zip(many, node(BROWSER, data), strict=True):
        explorer.set(n=n, dimension=dimension, noise=noise)
        ours = explorer.numbers
        for key, (name, tolerance) in KEYS.items():
            value = np.nan if theirs[key] is None else theirs[key]
            close = np.isclose(value, ours[name], rtol=tolerance, atol=tolerance, equal_nan=True)
            assert close, (n, dimension, noise, name, value, ours[name])
        model = LinearGaussian(MODELS[dimension].W, MODELS[dimension].b, MODELS[dimension].sigma * noise)
        draws = [np.random.default_rng(run).standard_normal((MOST, dimension)) for run in range(5)]
        log_weights = np.array([model.log_likelihood(X.reshape(1, -1), z) for z in draws])
        shares = np.exp(log_weights[0, :n] - logsumexp(log_weights[0, :n]))
        assert np.allclose(shares[theirs["heaviest"]], np.sort(shares)[::-1][:FEW], atol=1e-6)
        assert np.allclose(theirs["shares"], shares[theirs["heaviest"]], rtol=2e-3, atol=1e-9)
        running = np.logaddexp.accumulate(log_weights, 1) - np.log(np.arange(1, MOST + 1))
        lines = np.array(theirs["lines"])
        assert np.allclose(lines, running[:, np.array(theirs["counts"]) - 1], rtol=1e-5, atol=5e-4)
        low, high = theirs["range"]["min"], theirs["range"]["max"]
        settled = [ours["log p(x)"], *running[:, 9:].ravel()]
        assert low <= min(settled) and max(settled) <= high


TEXTS = """
import { countText, logCounts } from "HERE/monte_carlo.js";
import { percent } from "HERE/heaviest.js";
console.log(JSON.stringify([[7.38, 101.4, 17816.2, 4.1e8, 1.6e37].map(countText),
  [1, 0.333, 0.0994, 0.0044, 1e-6].map(percent), logCounts(10000, 500)]));
"""


def test_texts_and_steps():
    counts, shares, steps = node(TEXTS)
    assert counts == ["7.4", "101", "17,816", "4.1 · 10⁸", "1.6 · 10³⁷"]
    assert shares == ["100%", "33%", "9.9%", "0.44%", "≈ 0"]
    assert steps[:10] == [*range(1, 11)] and steps[-1] == MOST and steps == sorted(set(steps))


def test_bundle(tmp_path):
    assert offers_render("monte_carlo_explorer.js", tmp_path)


# In JupyterLab

SETUP = """import json
import numpy as np
from vae_lesson.explorer import MonteCarloExplorer
from vae_lesson.linear_gaussian import LinearGaussian
rng = np.random.default_rng(4)
x = rng.uniform(0, 1, (5, 6))
models = {d: LinearGaussian(rng.normal(0, 0.25, (30, d)), rng.uniform(0.3, 0.7, 30), 0.3) for d in (8, 1, 2, 20)}"""
SHOWN = {"evidence": "log p(x)", "estimate": "log estimate", "error": "standard error", "largest": "largest share"}
TOLD = "print(json.dumps([[w.n, w.dimension, w.noise, w.rule], w.numbers]))"
DRAWN = "canvas => canvas.toDataURL()"


@in_time
def agree(lab_page):
    """The read-outs are Python's numbers; returns [n, dimension, noise, rule] of Python."""
    page = lab_page.page
    page.evaluate(SETTLED)
    texts = {name: page.locator(f"[data-number={key}]").inner_text() for key, name in SHOWN.items()}
    on_page = {name: float(text.replace("−", "-")) for name, text in texts.items()}
    place, numbers = json.loads(lab_page.run_python(TOLD))
    assert page.locator("[data-number=kl]").is_visible() == place[3]
    assert on_page == pytest.approx({name: numbers[name] for name in on_page}, abs=1.2e-3)
    first = page.locator(".vae-share span").first.inner_text()
    assert float(first.rstrip("%")) == pytest.approx(100 * numbers["largest share"], abs=0.6)
    return place


@pytest.mark.browser
def test_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = MonteCarloExplorer(models, x, n=200)\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-estimates")
    assert agree(lab_page) == [200, 2, 1.0, False]
    back, front = (page.locator(".vae-estimates canvas").nth(i) for i in (0, 1))
    lines, mark = back.evaluate(DRAWN), front.evaluate(DRAWN)

    chart = page.locator(".vae-estimates")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    at = lambda n: box["x"] + 42 + (box["width"] - 64) * np.log10(n) / 4  # noqa: E731
    page.mouse.move(at(10), box["y"] + 100)
    page.mouse.down()
    page.mouse.move(at(3000), box["y"] + 120, steps=15)
    page.mouse.up()
    n, *rest = agree(lab_page)
    assert n == pytest.approx(3000, rel=0.03) and rest == [2, 1.0, False]
    assert back.evaluate(DRAWN) == lines and front.evaluate(DRAWN) != mark  # the axis stays still, the mark moves

    page.get_by_label("samples of the prior, in samples").focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.get_by_label("dimensions of z, in latents").focus()
    page.keyboard.press("End")
    page.get_by_label("noise, in times the fitted standard deviation").focus()
    page.keyboard.press("ArrowRight")
    place = agree(lab_page)
    assert place == pytest.approx([round(10**0.4), 20, 2**0.1, False])
    assert back.evaluate(DRAWN) != lines

    assert page.locator("[data-number=kl]").is_hidden()
    page.get_by_role("button", name="Show the rule").press("Enter")
    kl = json.loads(lab_page.run_python("print(w.numbers['KL(posterior, prior)'])"))
    assert float(page.locator("[data-number=kl]").inner_text()) == pytest.approx(kl, abs=6e-4)
    assert agree(lab_page)[3] is True

    lab_page.run_python("w.set(n=4321, dimension=8, noise=0.5)")  # and from Python
    assert agree(lab_page) == [4321, 8, 0.5, True]
    pictures = page.evaluate("[...document.querySelectorAll('.vae-heavy canvas')].map(c => [c.width, c.height])")
    assert pictures == [[6, 5]] * FEW
    assert lab_page.errors == []


FIRST_PICTURE = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from(data).filter((_, i) => i % 4 === 0);
}"""


@pytest.mark.browser
def test_pictures_and_theme(open_notebook):
    lab_page = open_notebook(SETUP, "w = MonteCarloExplorer(models, x, n=500, dimension=8)\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-estimates")
    page.evaluate(SETTLED)
    z = np.random.default_rng(0).standard_normal((MOST, 8))[:500]
    order = MODELS[8].log_likelihood(X.reshape(1, -1), z).argsort()[::-1]
    expected = 255 * (1 - np.clip(z[order[:FEW]] @ MODELS[8].W.T + MODELS[8].b, 0, 1))
    for k in (0, 5, 11):
        shown = page.locator(".vae-heavy canvas").nth(k).evaluate(FIRST_PICTURE)
        assert np.abs(np.array(shown) - expected[k]).max() <= 2
    longest = """canvas => {
        const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const count = (y, grey) => Array.from({ length: width }, (_, x) => data.subarray(4 * (y * width + x)))
            .filter((pixel) => pixel[3] === 255 && pixel[0] === grey && pixel[1] === grey && pixel[2] === grey).length;
        const rows = Array.from({ length: height }, (_, y) => y);
        return [0, 255].map((grey) => Math.max(...rows.map((y) => count(y, grey))) > 0.7 * width);
    }"""
    back = page.locator(".vae-estimates canvas").first
    assert back.evaluate(longest) == [True, False]  # log p(x) is black on white

    @in_time
    def axes_are(expected):
        assert back.evaluate(longest) == expected

    try:
        for theme, expected in (("Dark", [False, True]), ("Light", [True, False])):
            lab_page.command("apputils:change-theme", theme=f"JupyterLab {theme}")
            page.wait_for_function(f"document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
            axes_are(expected)
    finally:
        lab_page.command("apputils:change-theme", theme="JupyterLab Light")
    assert lab_page.errors == []
