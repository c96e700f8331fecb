import { number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { element } from "./dom.js";
import { coalesced, paced } from "./frame.js";
import { showImage } from "./images.js";
import { buildMlp, decodeMean } from "./mlp.js";
import { createPathPlane } from "./path_plane.js";
import { lengthOf, spherical, straight } from "./paths.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { createStrip } from "./strip.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

const WAYS = ["straight", "spherical"];
const LARGE = 168; // CSS pixels of the image at t

/** Interpolation: see interpolation.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildInterpolation(model, root, signal));
}

function buildInterpolation(model, root, signal) {
  const shape = model.get("image_shape");
  const net = buildMlp(model.get("layers"), floats(model.get("weights")));
  const means = floats(model.get("means"));
  const latents = model.get("latent_dim");
  const save = paced(() => model.save_changes());
  const change = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    save();
  };
  const codes = () => ["start", "end"].map((name) => {
    const image = model.get(name);
    return Array.from(means.subarray(image * latents, (image + 1) * latents));
  });
  const noArc = () => spherical(...codes(), 0.5) === undefined;
  const at = (t, way) => (way === "spherical" && spherical(...codes(), t)) || straight(...codes(), t);

  const ends = ["start", "end"].map((name) => createEnd(model, name, shape, change));
  const slider = createSlider({
    name: "t", title: "t, from start to end", min: 0, max: 1, step: 0.05, unit: "of the way",
    format: (t) => number(t, 2), onInput: (t) => change({ t }),
  });
  const large = createLarge(shape);
  const strip = createStrip({ net, ways: WAYS, frames: model.get("frames"), shape, onPick: change, signal });
  const plane = model.get("axes").length ? createPathPlane(model, WAYS, at) : undefined;
  const lengths = element("p", { class: "vae-note" });
  const spoken = createSpoken(signal);
  root.append(
    element("section", { class: "vae-way" },
      element("div", { class: "vae-choose" }, ...ends.map((end) => end.element), large.element),
      slider.element, strip.element, lengths),
    ...(plane ? [plane.element] : []),
    spoken.element,
  );

  const moved = coalesced(() => {
    const [t, way] = [model.get("t"), model.get("way")];
    const z = at(t, way);
    slider.set(t);
    strip.mark(way, t);
    large.show(decodeMean(net, z), t, readTheme(root).dark);
    plane?.moved();
    lengths.textContent = lengthsText(codes(), z, noArc());
    spoken.say(`${way}, ${number(t, 2)} of the way; length of z ${number(lengthOf(z), 2)}`);
  }, signal);
  const rerouted = coalesced(() => {
    const { dark } = readTheme(root);
    ends.forEach((end) => end.redraw(dark));
    strip.redraw(`${model.get("start")} ${model.get("end")}`, at, dark);
    moved();
  }, signal);
  const redraw = coalesced(() => {
    plane?.redraw();
    rerouted();
  }, signal);
  onTraits(model, ["t", "way"], moved, signal);
  onTraits(model, ["start", "end"], rerouted, signal);
  onLookChange(redraw, root, signal);
}

function lengthsText([a, b], z, noArc) {
  const [start, end, here] = [a, b, z].map((point) => number(lengthOf(point), 2));
  const typical = number(Math.sqrt(a.length), 2);
  const text = `length of z here ${here}; at the ends ${start} and ${end}; √${a.length} = ${typical}`;
  return noArc ? `${text}. There is no shortest arc between these codes: the second row is straight too.` : text;
}

// A slider through the images, with the chosen one beside it.
function createEnd(model, name, shape, change) {
  const [count, size] = [model.get("count"), shape[0] * shape[1] * shape[2]];
  const [thumbnails, classes] = [bytes(model.get("thumbnails")), bytes(model.get("classes"))];
  const canvas = element("canvas", { class: "vae-thumb", role: "img" });
  const told = (image) => (classes.length ? `${image}, class ${classes[image]}` : `${image}`);
  const slider = createSlider({
    name, title: `image at the ${name}`, min: 0, max: Math.max(1, count - 1), step: 1, unit: "",
    format: (image) => told(Math.round(image)),
    onInput: (image) => change({ [name]: Math.min(count - 1, Math.round(image)) }),
  });
  const redraw = (dark) => {
    const image = model.get(name);
    slider.set(image);
    canvas.setAttribute("aria-label", `${name}: image ${told(image)}`);
    const values = Array.from(thumbnails.subarray(image * size, (image + 1) * size), (value) => value / 255);
    showImage(canvas, values, shape, dark);
  };
  return { element: element("div", { class: "vae-end" }, canvas, slider.element), redraw };
}

function createLarge(shape) {
  const [, height, width] = shape;
  const canvas = element("canvas", { class: "vae-image", role: "img" });
  canvas.style.width = `${width * Math.max(1, Math.floor(LARGE / Math.max(height, width)))}px`;
  const show = (values, t, dark) => {
    canvas.setAttribute("aria-label", `the image that z decodes to at t = ${number(t, 2)}`);
    showImage(canvas, values, shape, dark);
  };
  return { element: canvas, show };
}
