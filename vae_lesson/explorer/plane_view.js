import { drawAxes, freshCanvas, planeMap } from "./axes.js";
import { element } from "./dom.js";
import { readTheme } from "./theme.js";

const MARGIN = { left: 30, right: 8, top: 8, bottom: 26 };

/**
 * A picture of a plane in two layers.
 *
 * `attributes` are those of its element, `label()` is what it is called, `ranges()` gives the axes { x: { min, max,
 * name }, y }. `paintBack(context, map, theme)` draws what stays, `paintFront` what moves. Returns { element, map(),
 * redraw(), redrawFront() }.
 */
export function createPlaneView({ attributes, label, ranges, paintBack, paintFront }) {
  const back = element("canvas", { "aria-hidden": "true" });
  const front = element("canvas", { "aria-hidden": "true" });
  const view = element("div", attributes, back, front);
  const map = () => planeMap(front, ranges().x, ranges().y, MARGIN);

  function redrawFront() {
    if (!front.clientWidth) return; // not on the page yet
    view.setAttribute("aria-label", label());
    paintFront(freshCanvas(front), map(), readTheme(view));
  }

  function redraw() {
    if (!back.clientWidth) return;
    const theme = readTheme(view);
    const context = freshCanvas(back);
    paintBack(context, map(), theme);
    drawAxes(context, map(), theme);
    redrawFront();
  }

  return { element: view, map, redraw, redrawFront };
}
