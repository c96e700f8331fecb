import { number } from "./axes.js";
import { bytes } from "./bytes.js";
import { element } from "./dom.js";
import { coalesced, paced } from "./frame.js";
import { showImage } from "./images.js";
import { createPicks } from "./picks.js";
import { createPosteriorView, createWhereabouts } from "./posterior_view.js";
import { createReadouts } from "./readouts.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

/** PosteriorExplorer: see posterior_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildPosterior(model, root, signal));
}

function buildPosterior(model, root, signal) {
  const places = model.get("places").map(withBound);
  const [shape, names] = [model.get("image_shape"), model.get("names")];
  const images = cut(Float32Array.from(bytes(model.get("pictures")), (value) => value / 255), places.length);
  const densities = cut(bytes(model.get("densities")), places.length);
  const titles = places.map((_, i) => (names.length ? `image ${i}, class ${names[i]}` : `image ${i}`));
  const save = paced(() => model.save_changes());
  const choose = (index) => {
    model.set("index", index);
    save();
  };

  const view = createPosteriorView();
  const whereabouts = createWhereabouts(places);
  const x = element("canvas", { class: "vae-image", role: "img" });
  const picks = createPicks({
    label: "images to choose from, each with its gap in nats", shape, onPick: choose,
    items: places.map(({ gap }, i) => ({ name: titles[i], values: images[i], note: number(gap, 1) })),
  });
  const slider = createSlider({
    name: "x", title: "image", min: 0, max: Math.max(1, places.length - 1), step: 1, unit: "",
    format: (i) => titles[Math.min(titles.length - 1, Math.round(i))],
    onInput: (i) => choose(Math.min(places.length - 1, Math.round(i))),
  });
  const numbers = createReadouts("log p(x) by quadrature, the ELBO and the gap", [
    { key: "evidence", name: "log p(x)", quantity: "evidence" },
    { key: "elbo", name: "ELBO", quantity: "elbo" },
    { key: "gap", name: "gap: KL(q ‖ posterior)", quantity: "gap" },
    { key: "rate", name: "rate", quantity: "rate" },
    { key: "distortion", name: "distortion", quantity: "distortion" },
  ]);
  const pictures = element("div", { class: "vae-two" },
    element("figure", {}, x, element("figcaption", { class: "vae-note" }, "the image x")),
    element("figure", {}, whereabouts.element, element("figcaption", { class: "vae-note" }, "framed: what is shown")));
  const spoken = createSpoken(signal);
  const note = element("p", { class: "vae-note" }, "below each image: its gap, in nats");
  root.append(
    view.element,
    element("section", { class: "vae-runs" }, pictures, slider.element, numbers.element, picks.element, note),
    spoken.element,
  );

  const redraw = coalesced(() => {
    const [index, theme] = [model.get("index"), readTheme(root)];
    const place = places[index];
    slider.set(index);
    picks.show(index, theme.dark);
    showImage(x, images[index], shape, theme.dark);
    x.setAttribute("aria-label", titles[index]);
    view.draw(place, densities[index], theme);
    whereabouts.draw(place, theme);
    numbers.set(place, 2);
    spoken.say(`${titles[index]}: log p(x) ${number(place.evidence, 2)}, ELBO ${number(place.elbo, 2)}, gap `
      + `${number(place.gap, 2)} nats`);
  }, signal);
  onTraits(model, ["index"], redraw, signal);
  onLookChange(redraw, root, signal);
}

function withBound(place) {
  const elbo = -(place.rate + place.distortion);
  return { ...place, elbo, gap: place.evidence - elbo };
}

// An array in equal parts.
function cut(values, parts) {
  const size = values.length / parts;
  return Array.from({ length: parts }, (_, i) => values.subarray(i * size, (i + 1) * size));
}
