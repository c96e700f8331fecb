"""RunsExplorer: what it takes, what it shows, and the hand."""

import json

import numpy as np
import pytest
import torch
from pages import SETTLED, in_time
from run_node import node, offers_render

from vae_lesson.explorer import RunPicture, RunsExplorer

RNG = np.random.default_rng(2)
IMAGES = RNG.uniform(0, 1, (3, 3, 4, 6, 5))  # runs, rows, columns, height, width
RUNS = [
    RunPicture("β = 0.5", 24.5, 80.25, IMAGES[0], [0.9, 0.02, 0.011]),
    RunPicture("β = 1", 12.0, 90.0, IMAGES[1], [0.5, 0.01, 0.4]),
    RunPicture("β = 8", 3.0, 140.0, IMAGES[2], [0.2, 1e-7, 0.0]),
]


def test_numbers():
    explorer = RunsExplorer(RUNS)
    assert explorer.numbers == {"rate": 24.5, "distortion": 80.25, "ELBO": -104.75, "active units": 3}
    explorer.set(index=1)  # a latent at the threshold is not above it
    assert explorer.numbers == {"rate": 12.0, "distortion": 90.0, "ELBO": -102.0, "active units": 2}
    explorer.index = 2
    assert explorer.numbers["active units"] == 1
    without = RunsExplorer([run._replace(activity=None) for run in RUNS], index=1, curve=False)
    assert without.numbers == {"rate": 12.0, "distortion": 90.0, "ELBO": -102.0}


def test_tensors_and_arrays_are_the_same():
    tensors = [
        RunPicture(name, torch.tensor(rate), torch.tensor(distortion), torch.tensor(images), torch.tensor(activity))
        for name, rate, distortion, images, activity in RUNS
    ]
    ours, theirs = RunsExplorer(RUNS), RunsExplorer(tensors)
    assert ours.images == theirs.images
    assert np.allclose([*ours.numbers.values()], [*theirs.numbers.values()])


@pytest.mark.parametrize("bad", [-1, 3, 1.5, np.nan, "1", True, None, [0]])
def test_there_is_no_such_run(bad):
    explorer = RunsExplorer(RUNS, index=1)
    with pytest.raises(ValueError, match=r"index is .*wanted a whole number: 0 to 2"):
        explorer.index = bad
    if bad is not None:  # None leaves it where it is
        with pytest.raises(ValueError, match="index is"):
            explorer.set(index=bad)
    assert explorer.index == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(images=IMAGES[0, 0]), r"pictures\[1\] has images of shape \(4, 6, 5\); wanted \(rows"),
        (dict(images=IMAGES[0] + 0.5), r"in \[0, 1\]"),
        (dict(images=IMAGES[0] * np.nan), r"in \[0, 1\]"),
        (dict(images=IMAGES[0, :, :2]), r"pictures\[1\] has images of shape \(3, 2, 6, 5\) .*wanted \(3, 4, 6, 5\)"),
        (dict(activity=None), r"no activity; wanted .* an activity as in pictures\[0\]"),
        (dict(activity=[0.1, -0.1]), r"activity of shape \(2,\); wanted \(latent_dim,\), none negative"),
        (dict(activity=0.1), r"activity of shape \(\)"),
        (dict(rate=np.inf), r"rate inf and distortion 90.0; wanted finite"),
        (dict(name=4), r"pictures\[1\] is RunPicture; wanted a RunPicture with a name"),
    ],
)
def test_bad_pictures(change, message):
    with pytest.raises(ValueError, match=message):
        RunsExplorer([RUNS[0], RUNS[1]._replace(**change)])


def test_bad_arguments():
    with pytest.raises(ValueError, match="pictures is empty"):
        RunsExplorer([])
    with pytest.raises(ValueError, match=r"pictures\[0\] is tuple"):
        RunsExplorer([tuple(RUNS[0])])
    for names in (("a", "b"), "abc"):
        with pytest.raises(ValueError, match=r"row_names is .* wanted 3 names"):
            RunsExplorer(RUNS, row_names=names)


def test_text_and_picture():
    explorer = RunsExplorer(RUNS)
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer) == "RunsExplorer(runs=3)"
    assert "β = 0.5: rate 24.5" in metadata["image/png"]["alt"]
    before = explorer.snapshot()
    explorer.set(index=2)
    assert before.startswith(b"\x89PNG") and explorer.snapshot() != before
    one = RunsExplorer([RUNS[0]._replace(activity=None)])
    assert one.snapshot().startswith(b"\x89PNG")


PLANE = """
import { planeMap } from "HERE/axes.js";
import { airyRange, nearestRun } from "HERE/rate_plane.js";
// read
const ranges = ["rate", "distortion"].map((term) => airyRange(input.runs.map((run) => run[term])));
const map = planeMap({ clientWidth: 500, clientHeight: 300 }, ...ranges, { left: 40, right: 10, top: 8, bottom: 24 });
const beside = ({ rate, distortion }) => [map.x(rate) + 9, map.y(distortion) - 7];
const near = input.runs.map((run) => nearestRun(input.runs, map, ...beside(run)));
console.log(JSON.stringify([near, ranges, airyRange([5])]));
"""


def test_the_nearest_run_is_picked():
    runs = [dict(rate=run.rate, distortion=run.distortion) for run in RUNS]
    near, (rates, distortions), single = node(PLANE, dict(runs=runs))
    assert near == [0, 1, 2]
    assert rates["min"] < 3 < 24.5 < rates["max"] and distortions["min"] < 80.25 < 140 < distortions["max"]
    assert single["min"] < 5 < single["max"]


def test_bundle(tmp_path):
    assert offers_render("runs_explorer.js", tmp_path)


# In JupyterLab

SETUP = """import json
import numpy as np
from vae_lesson.explorer import RunPicture, RunsExplorer
images = np.random.default_rng(2).uniform(0, 1, (3, 3, 4, 6, 5))
runs = [RunPicture("β = 0.5", 24.5, 80.25, images[0], [0.9, 0.02, 0.011]),
    RunPicture("β = 1", 12.0, 90.0, images[1], [0.5, 0.01, 0.4]),
    RunPicture("β = 8", 3.0, 140.0, images[2], [0.2, 1e-7, 0.0])]"""
GREYS = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    return [width, height, ...data.filter((_, i) => i % 4 === 0)];
}"""


@in_time
def shows(lab_page, index):
    """The page and Python are at this run, and the page shows its name, numbers and images."""
    page = lab_page.page
    page.evaluate(SETTLED)
    told = json.loads(lab_page.run_python("print(json.dumps([w.index, w.numbers]))"))
    assert told[0] == index
    assert page.locator(".vae-run-name").inner_text() == RUNS[index].name
    for key, name in (("rate", "rate"), ("distortion", "distortion"), ("elbo", "ELBO")):
        shown = float(page.locator(f"[data-number={key}]").inner_text().replace("−", "-"))
        assert shown == pytest.approx(told[1][name], abs=6e-4)
    assert page.locator("[data-number=active]").inner_text() == f"{told[1]['active units']} of 3"
    for row in range(3):
        width, height, *greys = page.locator(".vae-run-rows canvas").nth(row).evaluate(GREYS)
        expected = np.concatenate([*IMAGES[index, row]], axis=1)
        assert np.abs(np.array(greys).reshape(height, width) - 255 * (1 - expected)).max() <= 1.01


@pytest.mark.browser
def test_under_the_hand(open_notebook):
    lab_page = open_notebook(SETUP, "w = RunsExplorer(runs)\nw")
    page = lab_page.page
    page.wait_for_selector(".vae-rate-plane")
    shows(lab_page, 0)
    slider = page.get_by_label("run", exact=True)
    slider.focus()
    page.keyboard.press("ArrowRight")
    shows(lab_page, 1)
    assert slider.get_attribute("aria-valuetext") == "β = 1"
    slider.focus()
    page.keyboard.press("End")
    shows(lab_page, 2)

    plane = page.locator(".vae-rate-plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    air = 0.12
    rate = lambda value: ((value - 3) / 21.5 + air) / (1 + 2 * air)  # noqa: E731
    distortion = lambda value: 1 - ((value - 80.25) / 59.75 + air) / (1 + 2 * air)  # noqa: E731
    x, y = box["x"] + 42 + (box["width"] - 52) * rate(12.0), box["y"] + 8 + (box["height"] - 32) * distortion(90.0)
    page.mouse.click(x + 4, y - 4)
    shows(lab_page, 1)
    lab_page.run_python("w.set(index=0)")  # and from Python
    shows(lab_page, 0)
    assert lab_page.errors == []
