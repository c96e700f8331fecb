"""BoundExplorer and KLExplorer: Python's numbers against quadrature, the browser's against Python's, and the hand."""

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode

import numpy as np
import pytest
import traitlets
from pages import SETTLED, in_time
from scipy import integrate, optimize, stats

from vae_lesson.explorer import BoundExplorer, KLExplorer
from vae_lesson.explorer.bundle import HERE, bundle
from vae_lesson.explorer.kl_explorer import TARGET
from vae_lesson.linear_gaussian import LinearGaussian

MODEL = LinearGaussian(1.5, 0.2, 0.8)
X = 2.0
RNG = np.random.default_rng(5)
MANY = [
    (float(mu), float(log_var))
    for mu, log_var in zip(RNG.uniform(-4, 4, 200), RNG.uniform(-3.2, 2.19, 200), strict=True)
]
ALL = [("BoundExplorer", view) for view in ("weights", "bars", "terms")] + [
    ("KLExplorer", v) for v in ("prior", "bimodal")
]


def make(name, view, **q):
    return BoundExplorer(MODEL, X, view=view, **q) if name == "BoundExplorer" else KLExplorer(view, **q)


# Python


@pytest.mark.parametrize(("mu", "log_var"), [(0.0, 0.0), (1.2, -1.5), (-2.0, 1.0)])
def test_bound_by_quadrature(mu, log_var):
    q = stats.norm(mu, np.exp(log_var / 2))

    def log_joint(z):
        return stats.norm.logpdf(z) + stats.norm.logpdf(X, 1.5 * z + 0.2, 0.8)

    evidence = np.log(integrate.quad(lambda z: np.exp(log_joint(z)), -10, 10, epsabs=1e-13)[0])
    elbo = q.expect(lambda z: log_joint(z) - q.logpdf(z), epsabs=1e-12)
    for view in ("weights", "bars", "terms"):
        n = BoundExplorer(MODEL, X, view=view, mu=mu, log_var=log_var).numbers
        assert np.isclose(n["log p(x)"], evidence, atol=1e-10)
        assert np.isclose(n["ELBO"], elbo, atol=1e-7)
        assert np.isclose(n["KL(q, posterior)"], evidence - elbo, atol=1e-7)
        assert np.isclose(n["rate"] + n["distortion"], -elbo, atol=1e-7)


def test_what_the_samples_tell():
    explorer = BoundExplorer(MODEL, X, K=7, seed=3, mu=0.5, log_var=-1.0)
    z = 0.5 + np.exp(-0.5) * np.random.default_rng(3).standard_normal(100)[:7]
    weights = stats.norm.pdf(z) * stats.norm.pdf(X, 1.5 * z + 0.2, 0.8) / stats.norm.pdf(z, 0.5, np.exp(-0.5))
    told = explorer.numbers
    assert np.isclose(told["log of the mean weight"], np.log(weights.mean()), atol=1e-12)
    assert np.isclose(told["effective sample size"], weights.sum() ** 2 / (weights**2).sum(), atol=1e-10)
    assert np.isclose(told["largest share"], weights.max() / weights.sum(), atol=1e-12)


def test_at_the_posterior_one_sample_is_exact():
    mean, variance = MODEL.posterior(X)
    explorer = BoundExplorer(MODEL, X, K=1, mu=mean, log_var=np.log(variance))
    for explorer.K in (1, 50):
        n = explorer.numbers
        assert np.isclose(n["log of the mean weight"], n["log p(x)"], atol=1e-12)
        assert np.isclose(n["effective sample size"], explorer.K, rtol=1e-12)
        assert abs(n["KL(q, posterior)"]) < 1e-12


def test_kl_explorer_numbers():
    n = KLExplorer("prior", mu=0.7, log_var=0.9).numbers
    q = stats.norm(0.7, np.exp(0.45))
    by_quadrature = q.expect(lambda z: q.logpdf(z) - stats.norm.logpdf(z), epsabs=1e-12)
    assert np.isclose(n["KL(q, p)"], by_quadrature, atol=1e-9)
    assert np.isclose(n["area"], n["KL(q, p)"], atol=1e-12)
    assert np.isclose(sum(n[term] for term in ("mu^2/2", "sigma^2/2", "-1/2", "-log sigma")), n["KL(q, p)"], atol=1e-14)
    n = KLExplorer("bimodal", mu=0.7, log_var=0.9).numbers
    assert n["KL(p, q)"] == TARGET.forward_kl(0.7, 0.9) > n["least KL(p, q)"]
    assert n["KL(q, p)"] == TARGET.reverse_kl(0.7, 0.9) > n["least KL(q, p)"]


def test_minima_are_reached():
    explorer = KLExplorer("bimodal")
    assert explorer.minima["forward"] == TARGET.moments()
    for name, key in (("forward", "KL(p, q)"), ("reverse", "KL(q, p)")):
        explorer.set(*explorer.minima[name])
        assert explorer.numbers[key] == explorer.numbers[f"least {key}"]
        assert min(KLExplorer("bimodal", *place).numbers[key] for place in MANY[:50]) > explorer.numbers[key]
    explorer.set(*explorer.minima["other"])
    assert explorer.numbers["KL(q, p)"] > explorer.numbers["least KL(q, p)"] + 0.5


def test_the_target_has_no_other_minima():
    minima = KLExplorer("bimodal").minima
    starts = [(mu, log_var) for mu in np.linspace(-3, 3, 9) for log_var in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    found = {tuple(optimize.minimize(lambda at: TARGET.reverse_kl(*at), start).x.round(3)) for start in starts}
    assert found == {tuple(np.round(minima[name], 3)) for name in ("reverse", "other")}


@pytest.mark.parametrize(("name", "view"), ALL)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 50, "wide", None, [1, 2]])
def test_bad_q_is_refused_and_nothing_moves(name, view, bad):
    explorer = make(name, view, mu=0.5, log_var=-0.5)
    for trait in ("mu", "log_var"):
        with pytest.raises(traitlets.TraitError, match=f"{trait} must be a number from"):
            setattr(explorer, trait, bad)
        with pytest.raises(traitlets.TraitError, match=trait):
            make(name, view, **{trait: bad})
    if bad is not None:
        with pytest.raises(traitlets.TraitError, match="log_var"):
            explorer.set(mu=0.1, log_var=bad)
    assert (explorer.mu, explorer.log_var) == (0.5, -0.5)


def test_bad_arguments():
    with pytest.raises(ValueError, match="model"):
        BoundExplorer(LinearGaussian(np.ones((3, 1)), 0.0, 1.0), X)
    for x in (np.nan, np.inf, [1.0]):
        with pytest.raises(ValueError, match="x is"):
            BoundExplorer(MODEL, x)
    for make_one in (lambda: BoundExplorer(MODEL, X, view="bar"), lambda: KLExplorer("bar")):
        with pytest.raises(ValueError, match="view is 'bar'"):
            make_one()
    for K in (0, 101):
        with pytest.raises(traitlets.TraitError, match="K"):
            BoundExplorer(MODEL, X, K=K)


@pytest.mark.parametrize(
    "model", [LinearGaussian(40.0, 0.0, 0.5), LinearGaussian(0.0, 1.0, 2.0), LinearGaussian(-0.2, 0.0, 3.0)]
)
@pytest.mark.parametrize("x", [-100.0, 0.0, 8.0])
def test_prior_and_posterior_are_always_in_range(model, x):
    mean, variance = model.posterior(x)
    explorer = BoundExplorer(model, x)
    explorer.set(mu=mean, log_var=np.log(variance))
    assert abs(explorer.numbers["KL(q, posterior)"]) < 1e-9
    explorer.set(mu=0, log_var=0)


@pytest.mark.parametrize(("name", "view"), ALL)
def test_text_and_picture(name, view):
    explorer = make(name, view)
    text = f"{name}(view={view!r}{', x=2' if name == 'BoundExplorer' else ''})"
    assert repr(explorer) == text
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == text
    before = b64decode(data["image/png"])
    assert before.startswith(b"\x89PNG") and view_words(metadata, "p(z)")
    explorer.set(mu=1.5)
    assert repr(explorer) == text and explorer.snapshot() != before


def view_words(metadata, word):
    return word in metadata["image/png"]["alt"]


@pytest.mark.parametrize("trait", ["mu", "log_var"])
def test_traits_go_both_ways(trait):
    explorer = BoundExplorer(MODEL, X)
    seen = []
    explorer.observe(seen.append, trait)
    explorer.set_state({trait: 0.25})  # as the browser sends it
    assert getattr(explorer, trait) == 0.25 and explorer.get_state(trait) == {trait: 0.25}
    assert [change["new"] for change in seen] == [0.25]


def test_needs_no_torch():
    code = """
import sys
sys.modules["torch"] = None
from vae_lesson.explorer import BoundExplorer, KLExplorer
from vae_lesson.linear_gaussian import LinearGaussian
print(BoundExplorer(LinearGaussian(1.0, 0.0, 1.0), 1.0)._repr_mimebundle_()[0]["text/plain"], KLExplorer("bimodal"))
try:
    from vae_lesson.explorer import LatentExplorer
except ImportError:
    print("no torch, no LatentExplorer")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == [
        "BoundExplorer(view='weights', x=1) KLExplorer(view='bimodal')",
        "no torch, no LatentExplorer",
    ], done.stderr


def test_unknown_widgets():
    import vae_lesson.explorer

    with pytest.raises(AttributeError, match="Bounds"):
        vae_lesson.explorer.Bounds  # noqa: B018


# The browser's mathematics, in node

NODE = """
import { boundOf, gaussianKl, importanceWeights, posteriorOf, PRIOR } from "HERE/gaussian.js";
import { forwardKl, klAreas, klTerms, reverseKl } from "HERE/divergence.js";
const { linear, noise, parts, many } = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(many.map(([mu, logVar]) => {
  const q = { mu, logVar };
  const { logMean, effective, largest } = importanceWeights(linear, q, noise);
  return { ...boundOf(linear, q), logMean, effective, largest, ...klAreas(q), ...klTerms(q),
    closed: gaussianKl(q, PRIOR), forward: forwardKl(parts, q), reverse: reverseKl(parts, q),
    posterior: posteriorOf(linear) };
})));
"""
BOUND_KEYS = {
    "evidence": "log p(x)",
    "elbo": "ELBO",
    "gap": "KL(q, posterior)",
    "rate": "rate",
    "distortion": "distortion",
    "logMean": "log of the mean weight",
    "effective": "effective sample size",
    "largest": "largest share",
}
PRIOR_KEYS = {
    "closed": "KL(q, p)",
    "area": "area",
    "mean": "mu^2/2",
    "variance": "sigma^2/2",
    "constant": "-1/2",
    "logSigma": "-log sigma",
}
BIMODAL_KEYS = {"forward": "KL(p, q)", "reverse": "KL(q, p)"}


def node(code, data):
    """What a module prints under node, as JSON; without node the test is skipped, but under CI it fails."""
    executable = shutil.which("node")
    if not executable:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs node (Debian, Ubuntu: apt install nodejs)")
    command = [executable, "--input-type=module", "--eval", code.replace("HERE", HERE.as_uri())]
    done = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_browser_and_python_agree():
    bound, prior, bimodal = BoundExplorer(MODEL, X, K=30), KLExplorer("prior"), KLExplorer("bimodal")
    many = [q for q in MANY if bound.log_var_range[0] <= q[1]]
    assert len(many) > 150
    data = {"linear": bound.linear, "noise": bound.noise[:30], "parts": bimodal.target, "many": many}
    for (mu, log_var), theirs in zip(many, node(NODE, data), strict=True):
        for explorer, keys in ((bound, BOUND_KEYS), (prior, PRIOR_KEYS), (bimodal, BIMODAL_KEYS)):
            explorer.set(mu, log_var)
            ours = explorer.numbers
            for key, name in keys.items():
                assert np.isclose(theirs[key], ours[name], rtol=1e-9, atol=1e-9), (mu, log_var, name)
        assert theirs["positive"] >= 0 >= theirs["negative"]
        mean, variance = MODEL.posterior(X)
        assert np.allclose(
            [theirs["posterior"]["mu"], np.exp(theirs["posterior"]["logVar"])], [mean, variance], rtol=1e-12
        )


LADDER = """
import { ladder } from "HERE/bars.js";
console.log(JSON.stringify([0, -1, 1.9, 2, 2.1, 9].map((value) => ladder(value, 2))));
"""


def test_axis_stays_still():
    assert node(LADDER, None) == [2, 2, 2, 2, 4, 16]


@pytest.mark.parametrize("entry", ["bound_explorer.js", "kl_explorer.js"])
def test_bundles(entry, tmp_path):
    path = tmp_path / "bundle.mjs"
    path.write_text(bundle(entry))
    assert (
        node(f"const m = await import({path.as_uri()!r}); console.log(JSON.stringify(typeof m.default.render));", None)
        == "function"
    )


# In JupyterLab

SETUP = """from vae_lesson.explorer import BoundExplorer, KLExplorer
from vae_lesson.linear_gaussian import LinearGaussian
model = LinearGaussian(1.5, 0.2, 0.8)"""
MARGIN = dict(left=42, right=8, top=8, bottom=24)


class Pad:
    """The picture of the densities, and where a height over z lies on the screen."""

    def __init__(self, page, z_range, highest):
        self.page, self.z_range, self.highest = page, z_range, highest
        self.element = page.locator(".vae-density")
        self.element.scroll_into_view_if_needed()
        self.box = self.element.bounding_box()

    def at(self, z, height):
        low, high = self.z_range
        width = self.box["width"] - MARGIN["left"] - MARGIN["right"]
        tall = self.box["height"] - MARGIN["top"] - MARGIN["bottom"]
        x = self.box["x"] + MARGIN["left"] + width * (z - low) / (high - low)
        return x, self.box["y"] + MARGIN["top"] + tall * (1 - height / (1.25 * self.highest))

    def drag(self, start, end):
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=8)
        self.page.mouse.up()


def peak(sigma):
    return 1 / (sigma * np.sqrt(2 * np.pi))


def shown(page, key):
    """A read-out as a number, once the page has had a frame to draw it."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return float(page.locator(f"[data-number={key}]").first.inner_text().replace("\u2212", "-"))


def in_python(lab_page):
    """mu, log_var and numbers as Python has them."""
    return json.loads(lab_page.run_python("import json\nprint(json.dumps([w.mu, w.log_var, w.numbers]))"))


@in_time
def agree(lab_page, keys):
    """The read-outs are Python's numbers, rounded; returns Python's mu and log_var."""
    on_page = {name: shown(lab_page.page, key) for key, name in keys.items()}
    mu, log_var, numbers = in_python(lab_page)
    assert on_page == pytest.approx({name: numbers[name] for name in on_page}, abs=6e-4)
    return mu, log_var


@pytest.mark.browser
def test_bound_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = BoundExplorer(model, 2.0, K=30)\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-density")
    top = peak(np.sqrt(MODEL.posterior(X)[1]))
    assert agree(lab_page, BOUND_KEYS_SHOWN) == (0, 0)

    pad = Pad(page, (-4, 4), top)
    pad.drag((0, peak(1)), (1.2, peak(0.7)))  # the peak: mean and spread
    mu, log_var = agree(lab_page, BOUND_KEYS_SHOWN)
    assert mu == pytest.approx(1.2, abs=0.03) and np.exp(log_var / 2) == pytest.approx(0.7, abs=0.02)

    pad = Pad(page, (-4, 4), top)
    sigma = np.exp(log_var / 2)
    start = (mu + sigma, peak(sigma) * np.exp(-0.5))
    pad.drag(start, (mu + 1.5, start[1]))  # the handle at one standard deviation: the spread alone
    moved_mu, log_var = agree(lab_page, BOUND_KEYS_SHOWN)
    assert moved_mu == mu and np.exp(log_var / 2) == pytest.approx(1.5, abs=0.03)

    page.locator(".vae-density").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    by_keys = agree(lab_page, BOUND_KEYS_SHOWN)
    assert by_keys == pytest.approx((mu + 0.1, log_var - 0.3), abs=1e-5)

    page.get_by_label("mean of q, in units of z").focus()
    page.keyboard.press("Home")
    page.get_by_label("standard deviation of q, in units of z").focus()
    page.keyboard.press("End")
    assert agree(lab_page, BOUND_KEYS_SHOWN) == pytest.approx((-4, 2 * np.log(3)))
    page.get_by_label("samples of q, in samples").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    agree(lab_page, BOUND_KEYS_SHOWN)
    assert lab_page.run_python("print(w.K)").strip() == "27"

    page.get_by_role("button", name="Set q to the posterior").click()
    agree(lab_page, BOUND_KEYS_SHOWN)
    assert shown(page, "gap") == 0 and shown(page, "effective") == 27
    page.get_by_role("button", name="Set q to the prior").click()
    assert agree(lab_page, BOUND_KEYS_SHOWN) == (0, 0)

    lab_page.run_python("w.set(mu=-0.4, log_var=-0.8)")  # and from Python
    assert agree(lab_page, BOUND_KEYS_SHOWN) == (-0.4, -0.8)
    assert lab_page.errors == []


BOUND_KEYS_SHOWN = {key: BOUND_KEYS[key] for key in ("evidence", "elbo", "gap", "logMean", "effective", "largest")}


@pytest.mark.browser
def test_bars_add_up_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = BoundExplorer(model, 2.0, view='bars')\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-density")
    for target in ((1.5, peak(0.6)), (-2.0, peak(0.9)), (3.0, peak(2.0))):
        mu, log_var, _ = in_python(lab_page)
        highest = max(peak(np.exp(log_var / 2)), peak(np.sqrt(MODEL.posterior(X)[1])))
        Pad(page, (-4, 4), highest).drag((mu, peak(np.exp(log_var / 2))), target)
        agree(lab_page, {key: BOUND_KEYS[key] for key in ("evidence", "elbo", "gap")})
        bars = page.evaluate(
            "[...document.querySelectorAll('.vae-bar')].map(b => b.getBoundingClientRect()).map(r => [r.left, r.right])"
        )
        evidence, elbo, gap = bars
        assert gap == pytest.approx([elbo[0], evidence[0]], abs=0.6)  # the KL spans just what is missing
        assert evidence[1] == pytest.approx(elbo[1], abs=0.6)
    assert lab_page.errors == []


@pytest.mark.browser
def test_terms_add_up(open_notebook):
    lab_page = open_notebook(SETUP, "w = BoundExplorer(model, 2.0, view='terms', mu=1.5, log_var=-1.0)\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-density")
    page.locator(".vae-density").focus()
    page.keyboard.press("PageDown")
    agree(lab_page, {key: BOUND_KEYS[key] for key in ("rate", "distortion", "gap")})
    _, _, numbers = in_python(lab_page)
    assert shown(page, "loss") == pytest.approx(-numbers["ELBO"], abs=6e-4)
    assert shown(page, "surprise") == pytest.approx(-numbers["log p(x)"], abs=6e-4)
    assert lab_page.errors == []


@pytest.mark.browser
def test_kl_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = KLExplorer()\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-density")
    sigma = np.exp(-0.5)
    Pad(page, (-5, 5), peak(sigma)).drag((1, peak(sigma)), (-0.5, peak(0.8)))
    mu, log_var = agree(lab_page, PRIOR_KEYS)
    assert mu == pytest.approx(-0.5, abs=0.03) and np.exp(log_var / 2) == pytest.approx(0.8, abs=0.02)
    page.locator(".vae-density").focus()
    page.keyboard.press("ArrowRight")
    assert agree(lab_page, PRIOR_KEYS)[0] == pytest.approx(mu + 0.1, abs=1e-5)
    page.get_by_role("button", name="Set q to the prior").click()
    assert agree(lab_page, PRIOR_KEYS) == (0, 0)
    assert shown(page, "closed") == 0
    assert lab_page.errors == []


@pytest.mark.browser
def test_forward_and_reverse_kl(open_notebook):
    lab_page = open_notebook(SETUP, "w = KLExplorer('bimodal')\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-density")
    page.locator(".vae-density").focus()
    page.keyboard.press("ArrowLeft")
    least = {"leastForward": "least KL(p, q)", "leastReverse": "least KL(q, p)"}
    assert agree(lab_page, BIMODAL_KEYS | least) == pytest.approx((0.9, -1.0))
    minima = KLExplorer("bimodal").minima
    for name, minimum in (("Least forward", "forward"), ("Least reverse", "reverse"), ("other mode", "other")):
        page.get_by_role("button", name=name).click()
        assert agree(lab_page, BIMODAL_KEYS | least) == pytest.approx(minima[minimum], abs=1e-12)
    assert lab_page.errors == []


@pytest.mark.browser
def test_q_keeps_its_name_within_the_frame(open_notebook):
    """As its page calls it, and also where its peak stands at the rim."""
    page = open_notebook(SETUP, "w = BoundExplorer(model, 2.0)\nw").page
    page.wait_for_selector(".vae-density")
    page.evaluate("""() => {
        const draw = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
            const width = this.measureText(text).width;
            if (text.startsWith("q(")) window.named = [text, this.textAlign === "right" ? x - width : x, width];
            draw.call(this, text, x, y);
        };
    }""")
    page.evaluate(SETTLED)
    pad = page.locator(".vae-density").first
    pad.focus()
    for key in ("End", "Home", "ArrowRight"):
        page.evaluate("window.named = undefined")
        page.keyboard.press(key)
        page.wait_for_function("window.named !== undefined")
        name, left, width = page.evaluate("window.named")
        assert name == "q(z | x)" and 0 <= left and left + width <= pad.bounding_box()["width"], (key, left, width)
