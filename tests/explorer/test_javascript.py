"""The JavaScript under node: the forward pass against torch, and the small functions that everything stands on."""

import json
import shutil
import subprocess
from base64 import b64encode

import numpy as np
import pytest
import torch
from models import decode, strong_vae

from vae_lesson.explorer.bundle import HERE, bundle
from vae_lesson.explorer.network import pack_mlp

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node (Debian, Ubuntu: apt install nodejs)")


def node(code, value=None):
    """Run a module's code with `input` as given; what it returns. Modules are imported from the package's folder."""
    imports = "".join(
        f'import * as {name} from "{(HERE / f"{name}.js").as_uri()}";\n'
        for name in ("axes", "bytes", "images", "latent_plane", "mlp", "scatter", "slider")
    )
    read = 'import { readFileSync } from "node:fs";\nconst input = JSON.parse(readFileSync(0));\n'
    script = f"{read}{imports}const answer = (() => {{ {code} }})();\nconsole.log(JSON.stringify(answer));"
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script], input=json.dumps(value), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


DECODE = """
    const buffer = Buffer.from(input.weights, "base64");
    const net = mlp.buildMlp(input.layers, bytes.floats(new DataView(buffer.buffer, buffer.byteOffset, buffer.length)));
    return input.z.map((z) => [...mlp.decodeMean(net, z)]);
"""


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    ("latent_dim", "hidden", "image_shape"),
    [(2, (256, 128), (28, 28)), (1, (16,), (8, 8)), (20, (64, 48, 32), (3, 8, 6)), (3, (7, 5), (1, 5, 4))],
)
def test_the_browsers_decoder_is_torchs(likelihood, latent_dim, hidden, image_shape):
    model = strong_vae(latent_dim, hidden, likelihood, image_shape)
    layers, weights = pack_mlp(model.decoder)
    z = (3 * torch.randn(20, latent_dim, generator=torch.Generator().manual_seed(2))).tolist()
    images = np.array(node(DECODE, dict(layers=layers, weights=b64encode(weights).decode(), z=z)))
    expected = np.stack([decode(model, one).ravel() for one in z])
    assert expected.std() > 0.1
    np.testing.assert_allclose(images, expected, atol=1e-4)


def test_weights_that_do_not_fit_the_layers_are_refused():
    attempts = """
        const attempt = (layers, n) => {
            try { mlp.buildMlp(layers, new Float32Array(n)); return ""; } catch (error) { return error.message; }
        };
        return [attempt([[2, 3, 1], [3, 1, 0]], 13), attempt([[2, 3, 1], [3, 1, 0]], 12),
                attempt([[2, 3, 1], [3, 1, 0]], 14), attempt([[2, 3, 1], [4, 1, 0]], 14)];
    """
    assert node(attempts) == [
        "",
        "the layers need 13 weights, but 12 came",
        "the layers need 13 weights, but 14 came",
        "layer 2 takes 4 numbers, but is given 3",
    ]


def test_a_bytes_trait_is_read_wherever_it_lies_in_the_message():
    code = """
        const message = new ArrayBuffer(11);
        const view = new DataView(message, 3, 8);
        view.setFloat32(0, 1.5, true);
        view.setFloat32(4, -2, true);
        return [...bytes.floats(view)];
    """
    assert node(code) == [1.5, -2]


def test_a_grey_image_is_black_on_white_in_the_light_and_white_on_black_in_the_dark():
    code = """
        return [images.imagePixels([0, 1, 0.5], [1, 1, 3], false), images.imagePixels([0, 1, 0.5], [1, 1, 3], true),
                images.imagePixels([0, 0.2, 0.4, 0.6, 0.8, 1], [3, 1, 2], false)].map((pixels) => [...pixels]);
    """
    light, dark, colour = node(code)
    assert light == [255, 255, 255, 255, 0, 0, 0, 255, 128, 128, 128, 255]
    assert dark == [0, 0, 0, 255, 255, 255, 255, 255, 128, 128, 128, 255]
    assert colour == [0, 102, 204, 255, 51, 153, 255, 255]


def test_ticks_and_numbers():
    ticks = "return input.map(([min, max, count]) => axes.niceTicks(min, max, count).map(({ text }) => text));"
    assert node(ticks, [[-3, 3, 6], [-160.2, -101, 4], [0, 0.35, 3]]) == [
        ["−3", "−2", "−1", "0", "1", "2", "3"],
        ["−160", "−140", "−120"],
        ["0.0", "0.2"],
    ]
    numbers = "return input.map((value) => axes.number(value, 2));"
    assert node(numbers, [1.234, -0.001, -1.5]) == ["1.23", "0.00", "−1.50"]


def test_keys_of_a_slider():
    code = "return input.map(([key, rest]) => slider.keyedValue({ key, ...rest }, 0.2, -3, 3, 0.1) ?? null);"
    keys = [("ArrowRight", {}), ("ArrowDown", {}), ("ArrowUp", {"shiftKey": True}), ("PageUp", {}), ("Home", {})]
    keys += [("End", {}), ("a", {}), ("ArrowRight", {"ctrlKey": True})]
    assert node(code, keys) == [0.3, 0.1, 0.21, 1.2, -3, 3, None, None]
    assert node("return slider.keyedValue({ key: 'PageUp' }, 2.9, -3, 3, 0.1);") == 3


def test_tags_at_one_place_are_moved_apart():
    places = np.array(node("return scatter.spread([[0, 0], [0, 0], [5, 3], [200, 0]], 20);"))
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(4, 1)]
    assert distances.min() > 19
    assert places[3].tolist() == [200, 0]


def test_points_are_grouped_by_class_and_the_nearest_is_found():
    code = """
        const means = new Float32Array([0, 9, 1,  5, 9, 5,  1, 9, 0]);
        const groups = latent_plane.planeGroups(means, 3, [0, 2], [4, 7, 4], { 4: "red", 7: "blue" });
        return [groups, latent_plane.nearestImage(means, 3, [0, 2], [4, 4]), latent_plane.latentName(11)];
    """
    groups, nearest, name = node(code)
    assert groups == [
        {"name": "4", "colour": "red", "points": [[0, 1], [1, 0]]},
        {"name": "7", "colour": "blue", "points": [[5, 5]]},
    ]
    assert (nearest, name) == (1, "z₁₂")


@pytest.mark.parametrize("entry", ["latent_explorer.js", "training_dashboard.js"])
def test_a_bundle_is_one_valid_module_that_offers_render(entry, tmp_path):
    (tmp_path / "bundle.mjs").write_text(bundle(entry), encoding="utf-8")
    script = f'import widget from "{(tmp_path / "bundle.mjs").as_uri()}"; console.log(typeof widget.render);'
    done = subprocess.run([NODE, "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("function", "")
