"""The README's moving picture, taken of the real widget in JupyterLab: a point is dragged over the map of digits.

    python tools/moving_picture.py [docs/latent_explorer.gif]

Needs the browser chromium. The model is the one that the course ships.
"""

import io
import sys
import tempfile
from pathlib import Path

from lab_page import LabPage, chromium, find_chromium, notebook_of, running_lab
from PIL import Image

from vae_lesson.pretrained import TOUR

FILE = Path(__file__).parents[1] / "docs" / "latent_explorer.gif"
CODE = """
from vae_lesson import pretrained
from vae_lesson.data import load
from vae_lesson.explorer import LatentExplorer
train = load("digits").train
explorer = LatentExplorer(pretrained.load(), train.images, train.labels)
explorer
"""
STEPS = 6  # frames from one digit to the next
PAUSE = 2  # frames on a digit
MILLISECONDS = 90  # a frame
WIDTH, COLOURS = 720, 128


def route() -> list[tuple[float, float]]:
    """The points of the way round the map, digit by digit and back to the first."""
    stops = [TOUR[digit] for digit in sorted(TOUR)]
    points = []
    for (x, y), (to_x, to_y) in zip(stops, stops[1:] + stops[:1], strict=True):
        points += [(x, y)] * PAUSE
        points += [(x + (to_x - x) * step / STEPS, y + (to_y - y) * step / STEPS) for step in range(1, STEPS)]
    return points


def frames() -> list[Image.Image]:
    """A picture of the widget for each point of the route; the first move is made with the mouse, as a reader would."""
    executable = find_chromium() or sys.exit("needs the browser chromium (Debian, Ubuntu: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder, chromium(executable) as browser, running_lab(Path(folder)) as lab:
        page = LabPage(browser, lab, notebook_of([CODE]), "picture", viewport={"width": 1200, "height": 900})
        page.run_all()
        widget, pad = page.page.locator(".vae").first, page.page.locator(".vae-pad").first
        widget.wait_for()
        reach = float(page.run_python("print(explorer.reach)"))
        widget.scroll_into_view_if_needed()
        box = pad.bounding_box()
        pictures = []
        for number, (x, y) in enumerate(route()):
            right, down = (reach + x) / (2 * reach), (reach - y) / (2 * reach)  # as parts of the pad's sides
            page.page.mouse.move(box["x"] + right * box["width"], box["y"] + down * box["height"])
            if number == 0:
                page.page.mouse.down()
            page.page.wait_for_timeout(60)
            picture = Image.open(io.BytesIO(widget.screenshot())).convert("RGB")
            pictures.append(picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.LANCZOS))
        return pictures


def main() -> None:
    """Take the frames and write the file."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    pictures = frames()
    palette = pictures[0].quantize(COLOURS)
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    first.save(file, save_all=True, append_images=others, duration=MILLISECONDS, loop=0, optimize=True)
    print(f"{file}: {len(pictures)} frames, {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
