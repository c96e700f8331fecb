import { ACTIVE, drawActivity } from "./activity_bars.js";
import { number } from "./axes.js";
import { bytes } from "./bytes.js";
import { element } from "./dom.js";
import { coalesced, paced } from "./frame.js";
import { showSheet } from "./images.js";
import { createRatePlane } from "./rate_plane.js";
import { createReadouts } from "./readouts.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

/** RunsExplorer: see runs_explorer.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildRuns(model, root, signal));
}

function buildRuns(model, root, signal) {
  const runs = model.get("runs");
  const save = paced(() => model.save_changes());
  const choose = (index) => {
    model.set("index", index);
    save();
  };
  const plane = createRatePlane({ runs, curve: model.get("curve"), onPick: choose });
  const slider = createSlider({
    name: "run", title: "run", min: 0, max: Math.max(1, runs.length - 1), step: 1, unit: "",
    format: (index) => runs[Math.min(runs.length - 1, Math.round(index))].name,
    onInput: (index) => choose(Math.min(runs.length - 1, Math.round(index))),
  });
  const numbers = createReadouts("the present run, nats an image", [
    { key: "rate", name: "rate", quantity: "rate" },
    { key: "distortion", name: "distortion", quantity: "distortion" },
    { key: "elbo", name: "ELBO", quantity: "elbo" },
  ]);
  const name = element("p", { class: "vae-run-name" });
  const rows = createRows(model);
  const activity = createActivity(runs);
  const spoken = createSpoken(signal);
  root.append(
    element("section", { class: "vae-runs" }, plane.element, slider.element, numbers.element),
    element("section", { class: "vae-runs" }, name, rows.element, activity.element),
    spoken.element,
  );

  const redraw = coalesced(() => {
    const [index, theme] = [model.get("index"), readTheme(root)];
    const { rate, distortion } = runs[index];
    slider.set(index);
    name.textContent = runs[index].name;
    plane.draw(index, theme);
    rows.show(index, theme.dark);
    activity.draw(runs[index], theme);
    numbers.set({ rate, distortion, elbo: -(rate + distortion) });
    spoken.say(`${runs[index].name}: rate ${number(rate, 1)}, distortion ${number(distortion, 1)} nats`);
  }, signal);
  onTraits(model, ["index"], redraw, signal);
  onLookChange(redraw, root, signal);
}

// One strip of images for each row, with its name beside it.
function createRows(model) {
  const [, columns, height, width] = model.get("grid");
  const pixels = Float32Array.from(bytes(model.get("images")), (value) => value / 255);
  const size = height * width;
  const strips = model.get("row_names").map((title) => {
    const canvas = element("canvas", { class: "vae-sheet", role: "img", "aria-label": `images: ${title}` });
    return { title: element("span", { class: "vae-note" }, title), canvas };
  });
  const sheet = element("div", { class: "vae-run-rows" }, ...strips.flatMap(({ title, canvas }) => [title, canvas]));
  const show = (index, dark) => strips.forEach(({ canvas }, row) => {
    const first = (index * strips.length + row) * columns;
    const image = (_, i) => pixels.subarray((first + i) * size, (first + i + 1) * size);
    showSheet(canvas, Array.from({ length: columns }, image), columns, [1, height, width], dark);
  });
  return { element: sheet, show };
}

function createActivity(runs) {
  const canvas = element("canvas", { class: "vae-activity", role: "img" });
  const told = element("b", { "data-number": "active" });
  const note = " latents, by the variance over images of their posterior means; dotted: 0.01";
  const figure = element("figure", {}, element("figcaption", { class: "vae-note" }, "active: ", told, note), canvas);
  figure.hidden = !runs[0].activity.length;
  const most = Math.max(1, ...runs.flatMap(({ activity }) => activity));
  const draw = ({ activity }, theme) => {
    if (!activity.length) return;
    told.textContent = `${activity.filter((value) => value > ACTIVE).length} of ${activity.length}`;
    canvas.setAttribute("aria-label", `${told.textContent} latents are active`);
    drawActivity(canvas, activity, most, theme);
  };
  return { element: figure, draw };
}
