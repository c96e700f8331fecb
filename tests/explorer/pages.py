"""Widgets without a kernel: their modules under node, and their page in the browser, where the model is only state."""

import functools
import json
import time
from base64 import b64encode

import numpy as np
import pytest
import run_node

MODEL = """
const read = (value) => value?.bytes64 === undefined ? value
  : new DataView(Uint8Array.from(atob(value.bytes64), (letter) => letter.charCodeAt(0)).buffer);
const state = Object.fromEntries(Object.entries(STATE).map(([name, value]) => [name, read(value)]));
const heard = new Map();
const of = (event) => heard.get(event) ?? heard.set(event, new Set()).get(event);
window.model = {
  saves: 0,
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; of(`change:${name}`).forEach((react) => react()); },
  on: (event, react) => of(event).add(react),
  off: (event, react) => of(event).delete(react),
  save_changes: () => { window.model.saves += 1; },
};
window.cleanUp = render({ model: window.model, el: document.getElementById("widget") });
"""
SETTLED = """async () => {  // an observer's frame, the redrawing that it asks for, and what that asks for
    for (let i = 0; i < 4; i++) await new Promise((done) => requestAnimationFrame(done));
}"""
PIXELS = """canvas => [canvas.width, canvas.height,
    ...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""


def node(modules, code, value=None):
    """Run code that sees the named modules and `input`; what it returns."""
    imports = "".join(f'import * as {name} from "HERE/{name}.js";\n' for name in modules)
    view = "new DataView(new Uint8Array(Buffer.from(text, 'base64')).buffer)"
    floats = f"const floats = (text) => bytes.floats({view});\n"
    return run_node.node(f"{imports}// read\n{floats}console.log(JSON.stringify((() => {{ {code} }})()));", value)


def in_time(check):
    """The check, made again for some seconds while it fails: what the hand did may still be on its way."""

    @functools.wraps(check)
    def checked(*arguments, **named):
        for _ in range(20):
            try:
                return check(*arguments, **named)
            except AssertionError:
                time.sleep(0.2)
        return check(*arguments, **named)

    return checked


def base64(data):
    return b64encode(data).decode("ascii")


def html(widget):
    """A page with the widget as it stands and no kernel."""
    state = {name: value for name, value in widget.get_state().items() if widget.traits()[name].metadata.get("sync")}
    state = {name: value for name, value in state.items() if not name.startswith("_") and name != "layout"}
    state = {name: {"bytes64": base64(v)} if isinstance(v, bytes | memoryview) else v for name, v in state.items()}
    code = widget._esm.replace("export default { render };", "")
    head = f"<!doctype html><meta charset=utf-8><style>{widget._css}</style><div id=widget></div>"
    return f"{head}<script type=module>const STATE = {json.dumps(state)};\n{code}\n{MODEL}</script>"


class Page:
    """A page of one widget in the browser: playwright's `page`, and the `errors` of its console."""

    def __init__(self, browser, widget, **context):
        self.page = browser.new_page(**({"viewport": {"width": 1200, "height": 900}} | context))
        self.errors = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_content(html(widget))
        self.settle()

    def settle(self):
        self.page.evaluate(SETTLED)

    def get(self, name):
        """A trait as the page has it."""
        self.settle()
        return self.page.evaluate(f"model.get({name!r})")

    def floats(self, name):
        """A trait of float32 bytes as the page has it."""
        self.settle()
        return np.array(self.page.evaluate(f"[...new Float32Array(model.get({name!r}).buffer)]"), dtype=np.float32)

    def pixels(self, selector):
        """What stands on a canvas, (height, width, 3) in [0, 1]."""
        self.settle()
        width, height, *values = self.page.eval_on_selector(selector, PIXELS)
        return np.array(values).reshape(height, width, 4)[..., :3] / 255

    def number(self, key):
        """A number of the read-outs; None where there is none."""
        self.settle()
        text = self.page.text_content(f"[data-number={key}]")
        return None if text == "–" else float(text.replace("−", "-"))


@pytest.fixture
def open_page(browser):
    """A function that opens a widget's page with no kernel; at the end nothing may have gone wrong in it."""
    pages = []

    def open_(widget, **context):
        pages.append(Page(browser, widget, **context))
        return pages[-1]

    yield open_
    for opened in pages:
        assert opened.errors == []
        assert opened.page.locator(".vae-error").count() == 0
        opened.page.close()
