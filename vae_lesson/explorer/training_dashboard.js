import { clipTo, drawAxes, freshCanvas, number, planeMap } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { drawChart } from "./chart.js";
import { button, element } from "./dom.js";
import { coalesced } from "./frame.js";
import { showSheet } from "./images.js";
import { latentName } from "./latent_plane.js";
import { drawEllipse, drawPriorCircles } from "./scatter.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

const TERMS = [["ELBO", "elbo"], ["rate", "rate"], ["distortion", "distortion"]];
const COLUMNS = 10;
const PLANE_MARGIN = { left: 30, right: 8, top: 8, bottom: 26 };

/** TrainingDashboard: see training_dashboard.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildDashboard(model, root, signal));
}

function buildDashboard(model, root, signal) {
  const status = element("b", { role: "status" });
  const legend = element("span", { class: "vae-note" }, "nats an image after each epoch; solid: training, dashed: held out");
  const charts = TERMS.map(([title, name], term) => createTermChart(model, title, name, term));
  const plane = createPosteriorPlane(model);
  const sheets = [
    createSheet("above an image, below its reconstruction", () => [model.get("originals"), model.get("reconstructions")]),
    createSheet("samples: what the same draws from the prior decode to", () => [model.get("samples")]),
  ];
  const controls = createControls(model);
  root.append(element("p", { class: "vae-status" }, status, legend, controls.element));
  root.append(element("div", { class: "vae-row" }, ...charts.map((chart) => chart.element)));
  const pictures = element("div", { class: "vae-sheets" }, ...sheets.map((sheet) => sheet.element));
  root.append(element("div", { class: "vae-row" }, plane.element, pictures));

  const redraw = coalesced(() => {
    const theme = readTheme(root);
    status.textContent = model.get("status");
    controls.update();
    charts.forEach((chart) => chart.draw(theme));
    plane.draw(theme);
    sheets.forEach((sheet) => sheet.draw(model.get("image_shape"), theme.dark));
  }, signal);
  onTraits(model, ["status"], redraw, signal); // Python sets it with every update, in one message with the rest
  onTraits(model, ["can_go_on"], controls.update, signal);
  onLookChange(redraw, root, signal);
}

// Stop and go on: the first interrupts the kernel, which is busy with the training; the second asks Python.
function createControls(model) {
  const kernel = () => model.widget_manager?.kernel;
  const stop = button("Stop", () => kernel()?.interrupt());
  const goOn = button("Go on", () => {
    model.set("wish", "go on");
    model.save_changes();
  });
  const update = () => {
    stop.hidden = !kernel() || !model.get("training");
    goOn.hidden = !kernel() || model.get("training") || !model.get("can_go_on");
  };
  update(); // before the first frame: neither button flashes up
  return { element: element("span", { class: "vae-buttons" }, stop, goOn), update };
}

// Rows of the history: epoch, then three terms on the training images, then the same on the held-out ones.
function createTermChart(model, title, name, term) {
  const canvas = element("canvas", { class: "vae-chart", role: "img" });
  const value = element("span", { class: "vae-readout" });
  const head = element("figcaption", { class: "vae-head" }, element("b", {}, title), value);
  const draw = (theme) => {
    const history = floats(model.get("history"));
    const epochs = history.length / 7;
    const points = (row) => Array.from({ length: epochs }, (_, i) => [history[i], history[row * epochs + i]]);
    const [training, heldOut] = [points(1 + term), points(4 + term)];
    const series = [
      { points: training, colour: theme[name] },
      { points: heldOut, colour: theme[name], dash: [5, 4] },
    ];
    drawChart(canvas, series, { min: 0, max: Math.max(5, epochs) }, undefined, theme);
    const last = [heldOut.at(-1)?.[1], training.at(-1)?.[1]].find(Number.isFinite);
    value.textContent = last === undefined ? "" : number(last, 1);
    canvas.setAttribute("aria-label", `${title} against the epoch, now ${value.textContent || "empty"} nats an image`);
  };
  return { element: element("figure", { class: "vae-term" }, head, canvas), draw };
}

function createPosteriorPlane(model) {
  const canvas = element("canvas", { class: "vae-posteriors", role: "img" });
  const figure = element("figure", { class: "vae-plane vae-small" }, canvas);
  figure.append(element("figcaption", { class: "vae-note" }, "ellipses: q(z|x) of some images, one standard deviation"));
  const draw = (theme) => {
    const axes = model.get("axes");
    if (!axes.length) return;
    canvas.setAttribute("aria-label", `posteriors of some images in the plane of ${axes.map(latentName).join(" and ")}`);
    const ellipses = floats(model.get("ellipses"));
    const classes = bytes(model.get("classes"));
    const reach = Math.max(3.2, ...Array.from(ellipses, Math.abs)) + 0.2;
    const [x, y] = axes.map((axis) => ({ min: -reach, max: reach, name: latentName(axis) }));
    const context = freshCanvas(canvas);
    const map = planeMap(canvas, x, y, PLANE_MARGIN);
    clipTo(context, map);
    drawPriorCircles(context, map, theme);
    for (let i = 0; i * 4 < ellipses.length; i++) {
      const name = classes.length ? String(classes[i]) : "";
      drawPosterior(context, map, ellipses.subarray(4 * i, 4 * i + 4), name, model.get("colours")[name], theme);
    }
    context.restore();
    drawAxes(context, map, theme);
  };
  figure.hidden = !model.get("axes").length;
  return { element: figure, draw };
}

function drawPosterior(context, map, [x, y, spreadX, spreadY], name, colour, theme) {
  context.strokeStyle = context.fillStyle = colour ?? theme.q;
  context.lineWidth = 1.2;
  drawEllipse(context, map, [x, y], [spreadX, spreadY]);
  context.font = `600 10px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(name, map.x(x), map.y(y));
}

function createSheet(caption, parts) {
  const canvas = element("canvas", { class: "vae-sheet", role: "img", "aria-label": caption });
  const draw = (shape, dark) => {
    const size = shape[0] * shape[1] * shape[2];
    const images = parts().flatMap((part) => {
      const values = Float32Array.from(bytes(part), (value) => value / 255);
      return Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size));
    });
    showSheet(canvas, images, COLUMNS, shape, dark);
  };
  const figure = element("figure", { class: "vae-decoded" }, canvas);
  figure.append(element("figcaption", { class: "vae-note" }, caption));
  return { element: figure, draw };
}
