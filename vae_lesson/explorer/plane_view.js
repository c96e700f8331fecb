import { drawAxes, freshCanvas, planeMap } from "./axes.js";
import { element } from "./dom.js";
import { readTheme } from "./theme.js";

const MARGIN = { left: 30, right: 8, top: 8, bottom: 26 };

/**
 * A picture of a plane in two layers.
 *
 * `attributes` are those of its element, `label()` is what it is called, `ranges()` gives the axes { x: { min, max,
 * name }, y }. `paintBack(context, map, theme)` draws what stays, `paintFront` what moves. Returns { element, map(),
 * redraw(), redrawFront() }: `redraw` when the size, the colours or the ranges change, `redrawFront` in between.
 */
export function createPlaneView({ attributes, label, ranges, paintBack, paintFront }) {
  const back = element("canvas", { "aria-hidden": "true" });
  const front = element("canvas", { "aria-hidden": "true" });
  const view = element("div", attributes, back, front);
  let scene; // what redraw() measured: to ask the page for sizes and colours in every frame costs a layout

  function redrawFront() {
    if (!scene) return; // not on the page yet
    view.setAttribute("aria-label", label());
    const { context, map, theme } = scene;
    context.clearRect(0, 0, map.box.left + map.box.width + MARGIN.right, map.box.top + map.box.height + MARGIN.bottom);
    paintFront(context, map, theme);
  }

  function redraw() {
    if (!back.clientWidth) return;
    const map = planeMap(front, ranges().x, ranges().y, MARGIN);
    scene = { context: freshCanvas(front), map, theme: readTheme(view) };
    const context = freshCanvas(back);
    paintBack(context, map, scene.theme);
    drawAxes(context, map, scene.theme);
    redrawFront();
  }

  return { element: view, map: () => scene.map, redraw, redrawFront };
}
