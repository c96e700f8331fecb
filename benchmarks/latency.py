"""Slider to pixels: how long a move takes until its picture is painted, and how many pictures a second a drag gets.

    python benchmarks/latency.py [--moves 300] [--drag 5]

Two ways to decode a digit while a slider moves, in one JupyterLab, in turns: the course's LatentExplorer, which decodes
in the browser, and ipywidgets' `interact` with matplotlib, which draws in the kernel. The last line is the ratio of the
two: milliseconds differ from machine to machine.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket
from figures import figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from lab_page import LabPage, chromium, find_chromium, free_port, notebook_of, running_lab

SETUP = """
import torch
from vae_lesson.data import load
from vae_lesson.model import VAE
train = load("digits").train
torch.manual_seed(0)
model = VAE(2)
"""
EXPLORER = f"""{SETUP}
from vae_lesson.explorer import LatentExplorer
LatentExplorer(model, train.images, train.labels)
"""
INTERACT = f"""{SETUP}
import matplotlib.pyplot as plt
from ipywidgets import interact, FloatSlider
@interact(z_1=FloatSlider(min=-4, max=4, step=0.1), z_2=FloatSlider(min=-4, max=4, step=0.1))
def show(z_1, z_2):
    with torch.no_grad():
        plt.imshow(model.decode(torch.tensor([z_1, z_2])).mean)
    plt.show()
"""
# How a new picture is noticed; `painted` is called while the frame that shows it is made.
WATCH_CANVAS = """() => {
  const put = CanvasRenderingContext2D.prototype.putImageData;
  const canvas = document.querySelector(".vae-image");
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    put.apply(this, given);
    if (this.canvas === canvas) window.painted();
  };
}"""
WATCH_OUTPUT = """() => {
  const look = (node) => {
    for (const image of node.querySelectorAll?.("img") ?? []) {
      image.decode().then(() => window.painted(), () => {});
    }
  };
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(look)))
    .observe(document.querySelector(".jp-OutputArea"), { childList: true, subtree: true });
}"""
CLOCK = """() => {
  window.moves = [];
  window.pictures = [];
  let start = null;
  const began = () => { start ??= performance.now(); };
  for (const kind of ["keydown", "pointermove"]) document.addEventListener(kind, began, true);
  let making = false;
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (work) => ask((time) => {
    making = true;
    try { work(time); } finally { making = false; }
  });
  window.painted = () => making ? noted() : requestAnimationFrame(noted);
  let pending = false;
  const noted = () => {  // called while a frame is made: the message comes when it is done, once a frame
    if (pending) return;
    pending = true;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      pending = false;
      window.pictures.push(performance.now());
      if (start !== null) window.moves.push(performance.now() - start);
      start = null;
    };
    channel.port2.postMessage(0);
  };
}"""
REACH, STEPS = 50, 12  # pixels to each side, and moves from one to the other: each has a new value
RATE = 125  # moves a second, as a mouse sends them, whether the page keeps up or not
CONTESTANTS = {
    "LatentExplorer": (EXPLORER, WATCH_CANVAS, ".vae input[type=range]"),
    "interact + matplotlib": (INTERACT, WATCH_OUTPUT, ".noUi-handle"),
}


def opened(browser, lab, name: str):
    """A page with the contestant's slider, and the clock running."""
    code, watch, slider = CONTESTANTS[name]
    page = LabPage(browser, lab, notebook_of([code]), name.split()[0], viewport={"width": 1280, "height": 900})
    page.run_all()
    page.page.wait_for_selector(slider, timeout=60_000)
    page.page.wait_for_timeout(2000)
    page.page.evaluate(CLOCK)
    page.page.evaluate(watch)
    return page.page, page.page.locator(slider).first


def press(page, slider, moves: int) -> list[float]:
    """Milliseconds from a key to its painted picture, one key after the other."""
    page.bring_to_front()
    slider.focus()
    page.evaluate("window.moves = []")
    for number in range(moves):
        page.keyboard.press("ArrowRight" if (number // 25) % 2 == 0 else "ArrowLeft")
        page.wait_for_function(f"window.moves.length > {number}", timeout=10_000)
    return page.evaluate("window.moves")


def drag(page, slider, seconds: float, port: int) -> tuple[float, float]:
    """Frames with a new picture a second while the slider is dragged, and milliseconds from the last move to the last.

    Playwright's own mouse waits for the page after each move, as no hand does; these moves go to the browser directly.
    """
    page.bring_to_front()
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
        addresses = {target["url"]: target["webSocketDebuggerUrl"] for target in json.load(answer)}
    hand = websocket.create_connection(addresses[page.url], suppress_origin=True)
    page.evaluate("window.pictures = []")
    begin = page.evaluate("performance.now()")
    started = time.monotonic()
    for move in range(round(seconds * RATE)):
        time.sleep(max(0, started + move / RATE - time.monotonic()))
        place = abs(move % (2 * STEPS) - STEPS) / STEPS * 2 - 1  # 1 to -1 and back
        event = dict(type="mouseMoved", x=x + place * REACH, y=y, button="left", buttons=1)
        hand.send(json.dumps(dict(id=move, method="Input.dispatchMouseEvent", params=event)))
    end = page.evaluate("performance.now()")
    page.wait_for_timeout(2000)
    pictures = page.evaluate("window.pictures")
    hand.close()
    page.mouse.move(x, y)  # back to where it was, so that there is room for the next keys
    page.mouse.up()
    page.wait_for_timeout(2000)
    within = sum(begin <= when <= end for when in pictures)
    return 1000 * within / (end - begin), max([0.0, *(when - end for when in pictures)])


def main() -> None:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--drag", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    moves: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    drags: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTESTANTS}
    executable = find_chromium() or sys.exit("needs the browser chromium (Debian, Ubuntu: apt install chromium)")
    port = free_port()
    browsing = chromium(executable, f"--remote-debugging-port={port}")
    with tempfile.TemporaryDirectory() as folder, browsing as browser, running_lab(Path(folder)) as lab:
        for _ in range(arguments.rounds):
            for name in CONTESTANTS:
                page, slider = opened(browser, lab, name)
                moves[name] += press(page, slider, arguments.moves // arguments.rounds)
                drags[name].append(drag(page, slider, arguments.drag, port))
                page.close()
    print(f"{'':24}{'p50 ms':>8}{'p95 ms':>8}{'frames/s':>10}{'backlog ms':>12}")
    summary = {}
    for name in CONTESTANTS:
        cuts = statistics.quantiles(moves[name], n=20)
        frames, backlog = (statistics.median(values) for values in zip(*drags[name], strict=True))
        summary[name] = (cuts[9], cuts[18], frames, backlog)
        print(f"{name:24}{cuts[9]:8.1f}{cuts[18]:8.1f}{frames:10.1f}{backlog:12.1f}")
    ours, theirs = summary.values()
    print(f"{'ratio':24}{theirs[0] / ours[0]:8.1f}{theirs[1] / ours[1]:8.1f}{ours[2] / theirs[2]:10.1f}\n")
    figure("a key to its painted digit, p50 and p95, ms", f"{ours[0]:.1f}, {ours[1]:.1f}", "p95 at most 20")
    figure("the same with interact, ms", f"{theirs[0]:.1f}, {theirs[1]:.1f}", "")
    figure("new pictures a second in a drag", f"{ours[2]:.1f}", "at least 55")
    figure("the same with interact", f"{theirs[2]:.1f}", "")
    figure("after the last move of a drag, ms", f"{ours[3]:.1f}", "")
    least = min(theirs[0] / ours[0], theirs[1] / ours[1], ours[2] / theirs[2])
    figure("the least of the three ratios to interact", f"{least:.1f}", "at least 4")


if __name__ == "__main__":
    main()
