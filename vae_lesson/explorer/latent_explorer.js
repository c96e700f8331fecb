import { number } from "./axes.js";
import { floats } from "./bytes.js";
import { button, element } from "./dom.js";
import { createExplorerPlane } from "./explorer_plane.js";
import { coalesced, paced, prompt } from "./frame.js";
import { showImage } from "./images.js";
import { latentName } from "./latent_plane.js";
import { buildMlp, decodeMean } from "./mlp.js";
import { createSlider } from "./slider.js";
import { onLookChange, readTheme } from "./theme.js";
import { createTraversals } from "./traversals.js";
import { mount, onTraits } from "./widget.js";

const FEW = 10; // sliders that are shown at first
const STEP = 0.1; // what an arrow key moves
const UNIT = "standard deviations of the prior";
const IMAGE_SIZE = 240;

/** LatentExplorer: see latent_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildExplorer(model, root, signal));
}

function buildExplorer(model, root, signal) {
  const reach = model.get("reach");
  const shape = model.get("image_shape");
  const net = buildDecoder(model, shape);
  const clip = (value) => (Number.isFinite(value) ? Math.min(reach, Math.max(-reach, value)) : 0);
  const readZ = () => model.get("z").map(clip);
  const save = paced(() => model.save_changes());
  const setLatents = (changes) => {
    const z = readZ();
    for (const [latent, value] of changes) z[latent] = clip(value);
    model.set("z", z); // every view hears it, this one too
    save();
  };

  const image = createImage(shape);
  const order = latentOrder(model.get("activity"));
  const sliders = createSliders(model, order, reach, (latent, value) => setLatents([[latent, value]]));
  const context = { model, net, reach, step: STEP, readZ, setLatents, signal };
  const plane = model.get("axes").length ? createExplorerPlane(context) : undefined;
  const reset = button("Back to the origin", () => setLatents(readZ().map((_, latent) => [latent, 0])));
  const traversals = createTraversals({ net, shape, order, reach, onOpen: () => redrawZ(), signal });
  sliders.buttons.append(reset, traversals.button);
  const side = element("div", { class: "vae-side" }, image.element, sliders.element, traversals.element);
  side.classList.toggle("vae-wide", net[0].inputs > 3); // many sliders stand beside the image, few beneath
  root.append(...(plane ? [plane.element] : []), side);

  const redrawZ = prompt(() => {
    const z = readZ();
    const { dark } = readTheme(root);
    sliders.set(z);
    showImage(image.canvas, decodeMean(net, z), shape, dark);
    plane?.moved();
    traversals.update(z, dark);
  }, signal);
  const redrawAll = coalesced(() => {
    redrawZ();
    plane?.redraw();
  }, signal);
  onTraits(model, ["z"], redrawZ, signal);
  onTraits(model, ["axes"], redrawAll, signal);
  onLookChange(redrawAll, root, signal);
}

function buildDecoder(model, shape) {
  const net = buildMlp(model.get("layers"), floats(model.get("weights")));
  const [latents, pixels] = [model.get("latent_dim"), shape[0] * shape[1] * shape[2]];
  if (net[0].inputs !== latents) throw new Error(`the decoder takes ${net[0].inputs} numbers, not ${latents} latents`);
  if (net.at(-1).outputs !== pixels) throw new Error(`the decoder makes ${net.at(-1).outputs} pixels, not ${pixels}`);
  return net;
}

function createImage(shape) {
  const [, height, width] = shape;
  const canvas = element("canvas", { class: "vae-image", role: "img", "aria-label": "the image that z decodes to" });
  canvas.style.width = `${width * Math.max(1, Math.floor(IMAGE_SIZE / Math.max(height, width)))}px`; // square pixels
  const [p, x, z] = ["p", "x", "z"].map((letter) => element("i", {}, letter));
  const caption = element("figcaption", { class: "vae-note" }, "mean of ", p, "(", x, " | ", z, ")");
  return { canvas, element: element("figure", { class: "vae-decoded" }, canvas, caption) };
}

// The most active first, but of two the first first.
function latentOrder(activity) {
  const order = activity.map((_, latent) => latent);
  return order.length > 2 ? order.sort((a, b) => activity[b] - activity[a]) : order;
}

// One slider for each latent; more than a few are folded away.
function createSliders(model, order, reach, onInput) {
  const activity = model.get("activity");
  const sliders = order.map((latent) => ({ latent, ...createLatentSlider(latent, activity[latent], reach, onInput) }));
  const elements = sliders.map((slider) => slider.element);
  const buttons = element("div", { class: "vae-buttons" });
  if (order.length > FEW) buttons.append(createMore(elements.slice(FEW), order.length));
  return {
    element: element("section", { class: "vae-controls" }, createHead(), ...elements, buttons),
    buttons,
    set: (z) => sliders.forEach(({ latent, set }) => set(z[latent])),
  };
}

function createHead() {
  const meaning = "how much the images use this latent: the variance of its posterior mean over the images";
  const head = element("div", { class: "vae-slider vae-note", "aria-hidden": "true" }, element("span"), UNIT);
  head.append(element("span", { class: "vae-readout" }, "z"), element("span", { title: meaning }, "activity"));
  return head;
}

function createLatentSlider(latent, activity, reach, onInput) {
  return createSlider({
    name: latentName(latent),
    title: `z${latent + 1}`,
    note: number(activity, 2),
    min: -reach,
    max: reach,
    step: STEP,
    unit: UNIT,
    format: (value) => number(value, 2),
    onInput: (value) => onInput(latent, value),
  });
}

function createMore(folded, count) {
  const show = (all) => {
    folded.forEach((slider) => (slider.hidden = !all));
    more.textContent = all ? "Show fewer" : `Show all ${count}`;
    more.setAttribute("aria-expanded", all);
  };
  const more = button("", () => show(folded[0].hidden));
  show(false);
  return more;
}
