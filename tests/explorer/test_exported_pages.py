"""Exported pages opened from the disk with the network cut: the widgets go on, the mathematics is typeset."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from models import decode, strong_vae
from pages import SETTLED

from vae_lesson.export import export
from vae_lesson.lab import NOTEBOOKS

pytestmark = pytest.mark.browser

SETUP = f"""import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from models import noise_images, strong_vae
from vae_lesson.explorer import KLExplorer, LatentExplorer
explorer = LatentExplorer(strong_vae(2), noise_images(30), torch.arange(30) % 10)
explorer.decode_at([0.5, -1]).shape"""
MATHEMATICS = r"""# Formulas

The price is \$5 or <span>$\tfrac12$</span>, with $\lVert x \rVert$ and $\operatorname{ESS}$; `$code$` stays.

$$\underbrace{\log p(x)}_{\text{evidence}} = \mathcal{L} + D_{\mathrm{KL}}\left(q \,\|\, p\right) \ge \mathcal{L}$$

$$\begin{aligned}a &= \mathbb{E}_{q(z \mid x)}\left[z\right]
&& {\color{#1f6feb}{\text{(moments)}}}\; {\color{#00805c}{\checkmark}} \\
&= \sum_{\substack{i \\ j}} \int_0^1 \sqrt{\frac{1}{2}} \, d\varepsilon\end{aligned}$$

<details><summary>Open me</summary>Inside: $\sigma^2$ hidden.</details>"""

PIXELS = """canvas => {
    const { width, height } = canvas;
    return [width, height, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""
PLAIN_TEXT = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        const inside = walker.currentNode.parentElement.closest("pre, code, script, style, mjx-container");
        if (!inside) texts.push(walker.currentNode.data);
    }
    return texts.join(" ");
}"""

CONTRASTS = """() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => numbers(colour).slice(0, 3).map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return numbers(colour)[3] === 0 ? ground(node.parentElement) : colour;
    };
    const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const texts = [...document.querySelectorAll("body *")].filter((node) => hasText(node)
        && !node.closest("script, style, noscript, .widget, mjx-container, .anchor-link"));
    const formulas = [...document.querySelectorAll("mjx-container, mjx-container [fill^='#']")];
    const contrast = (text, paper) => {
        const [low, high] = [light(text), light(paper)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const kind = (node) => [node.localName, ...node.classList].join(".");
    return [...texts, ...formulas].map((node) => {
        const style = getComputedStyle(node);
        const text = node instanceof SVGElement ? style.fill : style.color;
        return [kind(node), contrast(text, ground(node instanceof SVGElement ? node.ownerSVGElement : node))];
    });
}"""


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """A folder of pages: a notebook with one widget twice, one with formulas, and lesson 05."""
    folder, v4 = tmp_path_factory.mktemp("course"), nbformat.v4
    widgets = [v4.new_code_cell(cell) for cell in (SETUP, "explorer", "explorer")]
    nbformat.write(v4.new_notebook(cells=widgets), folder / "widgets.ipynb")
    formulas = [v4.new_markdown_cell(MATHEMATICS), v4.new_code_cell('print("$x$")')]
    nbformat.write(v4.new_notebook(cells=formulas), folder / "formulas.ipynb")
    lesson = NOTEBOOKS / "05_gaussian_kl.ipynb"
    export(folder / "site", [str(folder / "widgets.ipynb"), str(folder / "formulas.ipynb"), str(lesson)])
    return folder / "site"


@pytest.fixture
def open_page(browser, site):
    """A function that opens a page from the disk; at the end, no error and no request that left the disk."""
    contexts, errors, requests = [], [], []

    def open_(name, **settings):
        context = browser.new_context(**({"offline": True, "viewport": {"width": 1100, "height": 900}} | settings))
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("requestfailed", lambda request: errors.append(request.url))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / f"{name}.html").as_uri())
        if settings.get("java_script_enabled", True):
            page.evaluate("MathJax.startup.promise")
            page.evaluate(SETTLED)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
    assert requests and all(url.startswith((site.as_uri(), "data:")) for url in requests), requests


def pixels(page, index=0):
    """What stands on an explorer's image: (height, width, 3) in [0, 1]."""
    page.evaluate(SETTLED)
    width, height, *values = page.locator(".vae-image").nth(index).evaluate(PIXELS)
    return np.array(values).reshape(height, width, 4)[..., :3] / 255


def shown_z(page, index=0):
    """What an explorer's two sliders say."""
    page.evaluate(SETTLED)
    sliders = page.locator(".widget").nth(index).locator("input[type=range]")
    return sliders.evaluate_all("all => all.map(slider => slider.valueAsNumber)")


def assert_shows(page, z, index=0, dark=False):
    image = decode(strong_vae(2), z)
    wanted = np.repeat((image if dark else 1 - image)[..., None], 3, axis=2)
    np.testing.assert_allclose(pixels(page, index), wanted, atol=1 / 255 + 1e-4)


def drag(page, target, start, end):
    """Drag from one place of an element to another, both in shares of its sides."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    (x1, y1), (x2, y2) = ((box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end))
    page.mouse.move(x1, y1)
    page.mouse.down()
    page.mouse.move(x2, y2, steps=12)
    page.mouse.up()


def test_mouse_and_keyboard_move_it_and_the_pixels_are_torchs(open_page):
    page = open_page("widgets")
    sliders = page.locator(".widget").first.locator("input[type=range]")
    assert shown_z(page) == [0.5, -1], "where Python left it"
    assert_shows(page, [0.5, -1])
    drag(page, sliders.first, (0.5, 0.5), (0.9, 0.5))
    z = shown_z(page)
    assert z[0] > 1.5 and z[1] == -1
    assert_shows(page, z)
    assert np.abs(decode(strong_vae(2), z) - decode(strong_vae(2), [0.5, -1])).max() > 0.1, "or nothing was tested"

    sliders.nth(1).focus()
    for key in ("ArrowRight", "ArrowUp", "PageUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    assert shown_z(page) == [z[0], pytest.approx(0.19)]
    assert_shows(page, [z[0], 0.19])
    drag(page, page.locator(".vae-pad").first, (0.5, 0.5), (0.3, 0.7))
    z = shown_z(page)
    assert z[0] < -0.5 and z[1] < -0.5
    assert_shows(page, z)
    page.get_by_title("show class 3").first.click()
    assert page.get_by_title("show class 3").first.get_attribute("aria-pressed") == "true"


def colour_of(page, selector, name):
    """A colour of the first such element: red, green, blue."""
    text = page.locator(selector).first.evaluate("(node, name) => getComputedStyle(node).getPropertyValue(name)", name)
    return [int(value) for value in re.findall(r"\d+", text)[:3]]


def test_two_views_of_one_widget_move_together(open_page):
    page = open_page("widgets")
    page.locator(".widget").nth(1).get_by_role("button", name="Back to the origin").click()
    for view in (0, 1):
        assert shown_z(page, view) == [0, 0]
        assert_shows(page, [0, 0], view)


def test_only_changes_are_heard(open_page):
    heard = open_page("widgets").evaluate(
        """() => {
            const stored = { state: { z: [1, 2], deep: {} }, buffers: [{ path: ["deep", "bytes"], data: btoa("ab") }] };
            const [model, heard] = [new StoredModel(stored), []];
            const hear = () => heard.push(model.get("z"));
            model.on("change:z", hear);
            const bytes = (count) => new DataView(new ArrayBuffer(count));
            for (const z of [[1, 2], [1, 3], [1, 3], bytes(1), bytes(2)]) model.set("z", z);
            model.off("change:z", hear);
            model.set("z", null);
            return [heard.length, heard[0], heard[2].byteLength, model.get("z"), model.get("deep").bytes.getUint8(1)];
        }"""
    )
    assert heard == [3, [1, 3], 2, None, ord("b")]


def test_dark(open_page):
    page = open_page("widgets", color_scheme="dark")
    assert_shows(page, [0.5, -1], dark=True)
    assert max(colour_of(page, "body", "background-color")) < 40 and min(colour_of(page, "body", "color")) > 200
    blue = 'mjx-container [fill="#1f6feb"]'
    assert colour_of(open_page("formulas"), blue, "fill") == [0x1F, 0x6F, 0xEB]
    assert min(colour_of(open_page("formulas", color_scheme="dark"), blue, "fill")) > 100


@pytest.mark.parametrize(("name", "count"), [("formulas", 6), ("05_gaussian_kl", 100), ("index", 1)])
def test_mathematics_is_typeset(name, count, open_page):
    page = open_page(name)
    assert page.locator("mjx-container svg").count() >= count
    assert page.locator("mjx-merror, [data-mml-node=merror]").count() == 0
    text = page.evaluate(PLAIN_TEXT).replace("The price is $5", "")
    assert len(text) > 100 and not re.search(r"\$|\\[a-zA-Z({\[]", text)
    for formula in page.locator("mjx-container svg").all()[:20]:
        assert formula.evaluate("svg => svg.getBoundingClientRect().width * svg.getBoundingClientRect().height") > 20
    assert page.locator("mjx-assistive-mml math").count() >= count, "screen readers get MathML"


def test_formulas_stay_where_they_are_code(open_page):
    page = open_page("formulas")
    assert page.locator("code", has_text="$code$").count() == 1
    assert page.locator(".output_stdout pre", has_text="$x$").count() == 1
    assert "The price is $5 or" in page.evaluate(PLAIN_TEXT)
    inside = page.locator("details mjx-container")
    assert not inside.is_visible()
    page.get_by_text("Open me").click()
    assert inside.is_visible()


def test_a_real_lesson_goes_on(open_page):
    page = open_page("05_gaussian_kl")
    widget = page.locator(".widget").first
    slider = widget.locator("input[type=range]").first

    def assert_says(mu, variance):
        page.evaluate(SETTLED)
        told = [float(widget.locator(f".vae-readout[data-number={key}]").text_content()) for key in ("area", "closed")]
        assert told == pytest.approx([0.5 * (mu**2 + variance - 1 - np.log(variance))] * 2, abs=2e-6)

    assert_says(0, 4)
    before = widget.locator("canvas").first.evaluate(PIXELS)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert_says(0.1, 4)
    drag(page, slider, (0.5, 0.5), (0.8, 0.5))
    mu = slider.evaluate("slider => slider.valueAsNumber")
    assert mu > 1
    assert_says(mu, 4)
    assert widget.locator("canvas").first.evaluate(PIXELS) != before
    widget.get_by_role("button", name="Set q to the prior").click()
    assert_says(0, 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(scheme, open_page):
    """A contrast of 4.5 at least, as WCAG's level AA asks."""
    found = open_page("05_gaussian_kl", color_scheme=scheme).evaluate(CONTRASTS)
    assert len(found) > 500 and {"span.kn", "p", "pre", "a", "code"} <= {kind for kind, _ in found}
    assert [(kind, contrast) for kind, contrast in found if contrast < 4.5] == []


@pytest.mark.parametrize("name", ["widgets", "formulas", "05_gaussian_kl", "index"])
@pytest.mark.parametrize("width", [600, 360])
def test_a_narrow_window_never_scrolls_sideways(name, width, open_page):
    page = open_page(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_the_picture_stands_there(open_page):
    page = open_page("widgets", java_script_enabled=False)
    picture = page.locator(".widget img").first
    assert picture.is_visible() and picture.bounding_box()["width"] > 300
    assert "z = (0.50, -1.00)" in picture.get_attribute("alt")
    assert not open_page("widgets").locator(".widget img").first.is_visible(), "with it, the widget does"


def test_links_lead_from_lesson_to_lesson(open_page, site):
    page = open_page("index")
    page.get_by_role("link", name="5 · The KL term in closed form").click()
    page.wait_for_url("**/05_gaussian_kl.html")
    places = page.locator("a[href]").evaluate_all("all => all.map(link => link.href.split('#')[0])")
    assert len(places) > 10 and set(places) <= {path.as_uri() for path in site.glob("*.html")}
    page.locator("nav a[rel=next]").first.click()
    page.wait_for_url("**/formulas.html")
    page.get_by_role("link", name="Contents").first.click()
    page.wait_for_url("**/index.html")


def test_printed_nothing_is_cut_off(open_page):
    page = open_page("05_gaussian_kl", viewport={"width": 680, "height": 960})  # A4 less its margins
    page.emulate_media(media="print")
    for gone in (".turn", ".search", ".about", ".widget .live"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator(".widget img").first.is_visible(), "paper has the picture"
    cut = """blocks => blocks.filter(block => block.clientWidth && block.scrollWidth > block.clientWidth + 1)
        .map(block => block.textContent)"""
    assert page.locator("main pre, main p, main mjx-container[display=true]").evaluate_all(cut) == []


def test_what_is_folded_is_printed(open_page):
    page = open_page("formulas")
    page.evaluate("addEventListener('beforeprint', () => (globalThis.seen = document.querySelector('details').open))")
    assert page.pdf().startswith(b"%PDF")
    assert page.evaluate("[seen, document.querySelector('details').open]") == [True, False], "folded again after that"


# the search


def search_for(page, words):
    """Type into the search field; the links that are found."""
    page.get_by_role("searchbox", name="Search the lessons").fill(words)
    return page.locator(".search li a")


def test_search_finds_all_words_and_leads_to_the_place(open_page):
    page = open_page("index")
    found = search_for(page, "forward reverse")
    assert found.count() >= 1
    assert page.locator(".search [role=status]").text_content() == f"{found.count()} place{'s' * (found.count() > 1)}"
    assert {mark.lower() for mark in page.locator(".search mark").all_text_contents()} == {"forward", "reverse"}
    heading = found.first.text_content().split(" › ")[-1]
    found.first.click()
    page.wait_for_url("**/05_gaussian_kl.html?find=*")
    page.evaluate("MathJax.startup.promise")
    page.evaluate(SETTLED)
    marked = page.evaluate("[...CSS.highlights.get('found')].map(range => range.toString().toLowerCase())")
    assert {"forward", "reverse"} == set(marked)
    place = page.locator("main").get_by_role("heading", name=heading).bounding_box()
    assert -5 < place["y"] < 400, "the heading is in sight"


def test_a_word_is_found_where_it_begins_whatever_its_case_and_signs(open_page):
    page = open_page("index")
    assert search_for(page, "xpensive").count() == 0 and search_for(page, "zzz").count() == 0
    assert page.locator(".search [role=status]").text_content() == "0 places"
    assert search_for(page, "PRICE IS").count() >= 1 and search_for(page, "print(").count() >= 1
    assert search_for(page, " ").count() == 0 and page.locator(".search [role=status]").text_content() == ""


def test_search_by_keyboard(open_page):
    page = open_page("05_gaussian_kl")
    page.keyboard.press("/")
    page.keyboard.type("kl")
    focused = "document.activeElement.matches('.search a') ? document.activeElement.href : document.activeElement.name"
    links = page.locator(".search li a").evaluate_all("all => all.map(link => link.href)")
    assert len(links) > 2
    for key, wanted in (("ArrowDown", links[0]), ("ArrowDown", links[1]), ("ArrowUp", links[0]), ("ArrowUp", "find")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == wanted
    page.keyboard.press("Escape")
    assert page.get_by_role("searchbox").input_value() == "" and page.locator(".search li").count() == 0
    slider = page.locator(".widget input[type=range]").first
    slider.focus()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "range", "a widget keeps its keys"
    page.get_by_role("searchbox").fill("gaussian")
    page.keyboard.press("Enter")
    page.wait_for_url("**/*.html?find=gaussian*")


def test_without_javascript_there_is_no_dead_search(open_page):
    assert not open_page("index", java_script_enabled=False).locator(".search").is_visible()
