import { clipTo, number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { createDecodedGrid } from "./decoded_grid.js";
import { element } from "./dom.js";
import { coalesced } from "./frame.js";
import { drawLatentPlane, latentName, nearestImage, planeGroups } from "./latent_plane.js";
import { createPad, drawHandle } from "./pad.js";
import { drawQ } from "./scatter.js";
import { readTheme } from "./theme.js";
import { onTraits } from "./widget.js";

/** The explorer's plane: pad, legend, choice of axes and a line on what is near. Returns { element, moved, redraw }. */
export function createExplorerPlane({ model, net, reach, step, readZ, setLatents, signal }) {
  const axes = () => model.get("axes");
  const here = () => axes().map((axis) => readZ()[axis]);
  const grid = createDecodedGrid(net, model.get("image_shape"), reach, coalesced(() => pad.redraw(), signal), signal);
  const [means, spreads] = [floats(model.get("means")), floats(model.get("spreads"))];
  const latentDim = model.get("latent_dim");
  const classes = bytes(model.get("classes"));
  let groups;
  const regroup = () => {
    groups = planeGroups(means, latentDim, axes(), classes, model.get("colours"));
  };
  regroup();

  const nearest = () => nearestImage(means, latentDim, axes(), here());
  const range = (axis) => ({ min: -reach, max: reach, name: latentName(axis) });
  const pad = createPad({
    label: () => `Plane of ${axes().map((axis) => `z${axis + 1}`).join(" and ")}; the point is at `
      + `${here().map((value) => number(value, 2)).join(", ")}. Arrow keys move it.`,
    ranges: () => ({ x: range(axes()[0]), y: range(axes()[1]) }),
    value: here,
    step,
    onMove: (point) => setLatents(axes().map((axis, i) => [axis, point[i]])),
    paintBack: (context, map, theme) => {
      drawSheet(context, map, grid.sheet());
      drawLatentPlane(context, map, theme, groups, model.get("only"));
    },
    paintFront: (context, map, theme) => {
      drawHandle(context, map, here(), theme);
      const first = nearest() * latentDim;
      const [mean, spread] = [means, spreads].map((all) => axes().map((axis) => all[first + axis]));
      clipTo(context, map);
      drawQ(context, map, mean, spread, theme);
      context.restore();
    },
  });
  const near = element("p", { class: "vae-note", role: "status" });
  const figure = element("figure", { class: "vae-plane" }, pad.element);
  if (groups[0].name) figure.append(createLegend(model, groups, signal));
  if (latentDim > 2) figure.append(createAxesChoice(model, signal));
  figure.append(near);

  function moved() {
    grid.request(readZ(), axes(), readTheme(pad.element).dark);
    const text = `blue: q of the nearest image${classes.length ? `, class ${classes[nearest()]}` : ""}`;
    if (text !== near.textContent) near.textContent = text; // else a screen reader would say it again
    pad.redrawFront();
  }

  onTraits(model, ["only"], coalesced(pad.redraw, signal), signal);
  onTraits(model, ["axes"], regroup, signal);
  return { element: figure, moved, redraw: pad.redraw };
}

function drawSheet(context, map, sheet) {
  if (!sheet) return;
  const { left, top, width, height } = map.box;
  context.globalAlpha = 0.22;
  context.drawImage(sheet, left, top, width, height);
  context.globalAlpha = 1;
}

// One toggle for each class: with some pressed, only these are coloured.
function createLegend(model, groups, signal) {
  const legend = element("div", { class: "vae-legend", role: "group", "aria-label": "classes to show" });
  const chips = groups.map(({ name, colour }) => {
    const chip = element("button", { type: "button", class: "vae-chip", title: `show class ${name}` }, name);
    chip.style.setProperty("--vae-chip", colour);
    chip.addEventListener("click", () => {
      const only = model.get("only");
      model.set("only", only.includes(name) ? only.filter((other) => other !== name) : [...only, name]);
      model.save_changes();
    });
    return chip;
  });
  const update = () => {
    const only = model.get("only");
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", only.includes(groups[i].name)));
  };
  update();
  onTraits(model, ["only"], update, signal);
  legend.append(...chips);
  return legend;
}

function createAxesChoice(model, signal) {
  const latents = model.get("activity").map((_, latent) => latent);
  const selects = ["across", "up"].map((direction, i) => {
    const select = element("select", { "aria-label": `latent ${direction}` });
    for (const latent of latents) select.append(element("option", { value: latent }, latentName(latent)));
    select.addEventListener("change", () => {
      const axes = [...model.get("axes")];
      if (axes[1 - i] === Number(select.value)) axes[1 - i] = axes[i]; // the two change places
      axes[i] = Number(select.value);
      model.set("axes", axes);
      model.save_changes();
    });
    return select;
  });
  const update = () => selects.forEach((select, i) => (select.value = model.get("axes")[i]));
  update();
  onTraits(model, ["axes"], update, signal);
  return element("div", { class: "vae-choice" }, "across ", selects[0], " up ", selects[1]);
}
