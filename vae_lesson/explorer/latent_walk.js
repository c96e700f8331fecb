import { clipTo, number } from "./axes.js";
import { bytes, floats } from "./bytes.js";
import { element } from "./dom.js";
import { coalesced, paced, prompt } from "./frame.js";
import { showImage, showSheet } from "./images.js";
import { latentName, planeGroups } from "./latent_plane.js";
import { drawSample } from "./lens.js";
import { buildMlp, decodeMean } from "./mlp.js";
import { drawPath } from "./path_plane.js";
import { straight } from "./paths.js";
import { createPlaneView } from "./plane_view.js";
import { drawDots, drawPriorCircles, drawTags } from "./scatter.js";
import { createSlider } from "./slider.js";
import { createSpoken } from "./spoken.js";
import { onLookChange, readTheme } from "./theme.js";
import { mount, onTraits } from "./widget.js";

const STEP = 0.1; // of the way to the next stop: what an arrow key moves
const IMAGE_SIDE = 196; // CSS pixels of the image

/** LatentWalk: see latent_walk.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildWalk(model, root, signal));
}

function buildWalk(model, root, signal) {
  const [shape, names] = [model.get("image_shape"), model.get("names")];
  const net = buildMlp(model.get("layers"), floats(model.get("weights")));
  const stops = stopRows(floats(model.get("stops")), names.length);
  const last = names.length - 1;
  const save = paced(() => model.save_changes());
  const go = (position) => {
    model.set("position", Math.min(last, Math.max(0, position)));
    save();
  };

  const image = element("canvas", { class: "vae-image", role: "img" });
  image.style.width = `${shape[2] * Math.max(1, Math.floor(IMAGE_SIDE / Math.max(shape[1], shape[2])))}px`;
  const slider = createSlider({
    name: "", title: "position on the path", min: 0, max: last, step: STEP, unit: "",
    format: (position) => placeOf(position, names), onInput: go,
  });
  const sheet = element("canvas", { class: "vae-sheet", role: "img", "aria-label": `the stops: ${names.join(", ")}` });
  sheet.addEventListener("click", (event) => go(Math.floor((event.offsetX / sheet.clientWidth) * names.length)));
  const caption = element("p", { class: "vae-note" });
  const plane = model.get("axes").length ? createPlane(model, stops) : undefined;
  const spoken = createSpoken(signal);
  root.append(
    ...(plane ? [element("figure", { class: "vae-plane" }, plane.element)] : []),
    element("section", { class: "vae-way vae-walk" }, image, caption,
      element("div", {}, slider.element, sheet), spoken.element),
  );
  root.style.setProperty("--vae-stops", names.length);

  const moved = prompt(() => {
    const position = model.get("position");
    const place = placeOf(position, names);
    slider.set(position);
    caption.textContent = place;
    image.setAttribute("aria-label", `the image decoded at ${place}`);
    showImage(image, decodeMean(net, pointOf(stops, position)), shape, readTheme(root).dark);
    plane?.redrawFront();
    spoken.say(place);
  }, signal);
  const redraw = coalesced(() => {
    const images = stops.map((stop) => decodeMean(net, stop).slice()); // the net overwrites its result
    showSheet(sheet, images, names.length, shape, readTheme(root).dark);
    plane?.redraw();
    moved();
  }, signal);
  onTraits(model, ["position"], moved, signal);
  onLookChange(redraw, root, signal);
}

/** The point of the path at a position: a straight line from each stop to the next. */
export function pointOf(stops, position) {
  const leg = Math.min(stops.length - 2, Math.floor(position));
  return straight(stops[leg], stops[leg + 1], position - leg);
}

function placeOf(position, names) {
  const near = Math.round(position);
  if (Math.abs(position - near) < 0.005) return names[near];
  const before = Math.floor(position);
  return `${names[before]} → ${names[before + 1]}, ${number(100 * (position - before), 0)} %`;
}

function stopRows(values, count) {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => Array.from(values.subarray(row * width, (row + 1) * width)));
}

function createPlane(model, stops) {
  const [axes, reach] = [model.get("axes"), model.get("reach")];
  const [means, classes] = [floats(model.get("means")), bytes(model.get("classes"))];
  const groups = planeGroups(means, model.get("latent_dim"), axes, classes, model.get("colours"));
  const colours = model.get("colours");
  const tags = stops.map((stop, i) => {
    const name = model.get("names")[i];
    return { name, colour: colours[name] ?? "#7f7f7f", points: [axes.map((axis) => stop[axis])] };
  });
  const inPlane = (z) => axes.map((axis) => z[axis]);
  const here = () => inPlane(pointOf(stops, model.get("position")));
  const range = (axis) => ({ min: -reach, max: reach, name: latentName(axis) });
  return createPlaneView({
    attributes: { class: "vae-pad vae-still", role: "img" },
    label: () => `Plane of ${axes.map((axis) => `z${axis + 1}`).join(" and ")} with the path; the point is at `
      + here().map((value) => number(value, 2)).join(", "),
    ranges: () => ({ x: range(axes[0]), y: range(axes[1]) }),
    paintBack: (context, map, theme) => {
      clipTo(context, map);
      for (const { colour, points } of groups) drawDots(context, map, points, colour ?? theme.q, 1.8, 0.6);
      drawPriorCircles(context, map, theme);
      drawPath(context, map, stops.map(inPlane), theme, true);
      drawTags(context, map, tags, theme);
      context.restore();
    },
    paintFront: (context, map, theme) => {
      clipTo(context, map);
      drawSample(context, map, here(), theme, 8);
      context.restore();
    },
  });
}
