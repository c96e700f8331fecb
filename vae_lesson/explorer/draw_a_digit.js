import { number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { button, element } from "./dom.js";
import { createSurface } from "./drawing_surface.js";
import { coalesced, paced } from "./frame.js";
import { showImage } from "./images.js";
import { blackAndWhite, centred } from "./ink.js";
import { buildMlp } from "./mlp.js";
import { createQPlane } from "./q_plane.js";
import { createReadouts } from "./readouts.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { encodeImage, reconstruct, sampleOf, standardNormals } from "./vae.js";
import { mount, onTraits } from "./widget.js";

/** DrawADigit: see draw_a_digit.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildDrawADigit(model, root, signal));
}

function buildDrawADigit(model, root, signal) {
  const shape = model.get("image_shape");
  const nets = buildNets(model, shape);
  const read = () => floats(model.get("pixels"));
  const write = (ink) => model.set("pixels", new DataView(ink.buffer)); // every view hears it, the kernel not yet
  const save = paced(() => model.save_changes());
  const put = (ink) => {
    write(ink);
    save();
  };

  const [spoken, penSpoken] = [createSpoken(signal), createSpoken(signal)];
  const clear = () => put(new Float32Array(shape[1] * shape[2]));
  const surface = createSurface({ shape, read, write, onLift: save, onClear: clear, say: penSpoken.say });
  const resample = () => {
    model.set("noise", standardNormals(model.get("latent_dim")));
    save();
  };
  const buttons = element("div", { class: "vae-buttons" },
    button("Clear", clear),
    button("Centre", () => put(centred(read(), shape.slice(1))), { title: "move the centre of the ink to the middle" }),
    button("Resample z", resample),
    ...createTake(bytes(model.get("digits")), shape, put));
  const told = createTold(model, shape);
  const plane = model.get("axes").length ? createQPlane(model) : undefined;
  root.append(
    element("section", { class: "vae-paper" }, surface.element, buttons),
    ...(plane ? [plane.element] : []),
    told.element,
    spoken.element,
    penSpoken.element,
  );

  const present = () => {
    const ink = read();
    const x = model.get("log_sigma") === null ? blackAndWhite(ink) : ink;
    const q = encodeImage(nets.encoder, x);
    const z = sampleOf(q, model.get("noise"));
    const [atMean, atZ] = [q.mu, z].map((point) => reconstruct(nets.decoder, point, x, model.get("log_sigma")));
    return { x, q, z, atMean, atZ };
  };
  const moved = coalesced(() => {
    const now = present();
    surface.redraw();
    plane?.show(now.q, now.z);
    told.show(now, readTheme(root).dark);
    spoken.say(`mean of q at ${now.q.mu.slice(0, 4).map((value) => number(value, 2)).join(", ")}; rate `
      + `${number(now.q.rate, 1)}, distortion ${number(now.atZ.distortion, 1)} nats`);
  }, signal);
  const redraw = coalesced(() => {
    plane?.redraw();
    moved();
  }, signal);
  onTraits(model, ["pixels", "noise", "answered"], moved, signal);
  onLookChange(redraw, root, signal);
}

function buildNets(model, shape) {
  const [latents, pixels] = [model.get("latent_dim"), shape[1] * shape[2]];
  const build = (name, prefix, inputs, outputs) => {
    const net = buildMlp(model.get(`${prefix}layers`), floats(model.get(`${prefix}weights`)));
    const [takes, gives] = [net[0].inputs, net.at(-1).outputs];
    if (takes === inputs && gives === outputs) return net;
    throw new Error(`the ${name} makes ${gives} numbers from ${takes}, not ${outputs} from ${inputs}`);
  };
  return { encoder: build("encoder", "encoder_", pixels, 2 * latents), decoder: build("decoder", "", latents, pixels) };
}

// A button that takes the images that came with the widget, one after the other.
function createTake(digits, [, height, width], put) {
  const size = height * width;
  let next = 0;
  const take = () => {
    put(Float32Array.from(digits.subarray(next * size, (next + 1) * size), (value) => value / 255));
    next = (next + 1) % (digits.length / size);
  };
  return digits.length ? [button("Take a held-out digit", take)] : [];
}

// The image as it is seen, its two reconstructions, and the numbers.
function createTold(model, shape) {
  const binary = model.get("log_sigma") === null;
  const seen = createPicture(`x, as the encoder sees it${binary ? ": ink of ½ and more is 1, less is 0" : ""}`);
  const [mean, sample] = ["decoded from q’s mean", "decoded from the sample z"].map(createPicture);
  const known = (digits) => (value) => (value === undefined ? "–" : number(value, digits));
  const numbers = createReadouts("the terms of the bound for this drawing", [
    { key: "rate", name: "rate", quantity: "rate", format: known(1) },
    { key: "distortion", name: "distortion, from this z", quantity: "distortion", format: known(1) },
    { key: "mean", name: "distortion, from q’s mean", format: known(1) },
    { key: "elbo", name: "ELBO, with this z", quantity: "elbo", format: known(1) },
    { key: "value", name: "log p(x)", quantity: "evidence", format: known(1) },
    { key: "error", name: "its standard error", format: known(1) },
    { key: "effective", name: `effective sample size, of ${model.get("samples")}`, unit: "", format: known(1) },
  ]);
  const note = element("p", { class: "vae-note" }, "log p(x): importance sampling from q, by Python when the pen is "
    + "lifted; for a new drawing it needs a running kernel.");
  const show = ({ x, q, atMean, atZ }, dark) => {
    seen.show(x, shape, dark);
    mean.show(atMean.mean, shape, dark);
    sample.show(atZ.mean, shape, dark);
    const evidence = same(bytes(model.get("answered")), bytes(model.get("pixels"))) ? model.get("evidence") : {};
    const distortion = atZ.distortion;
    numbers.set({ rate: q.rate, distortion, mean: atMean.distortion, elbo: -(q.rate + distortion), ...evidence });
  };
  const three = element("div", { class: "vae-three" }, seen.element, mean.element, sample.element);
  return { element: element("section", { class: "vae-told" }, three, numbers.element, note), show };
}

function createPicture(caption) {
  const canvas = element("canvas", { class: "vae-image", role: "img", "aria-label": caption });
  return {
    element: element("figure", {}, canvas, element("figcaption", { class: "vae-note" }, caption)),
    show: (values, shape, dark) => showImage(canvas, values, shape, dark),
  };
}

function same(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
