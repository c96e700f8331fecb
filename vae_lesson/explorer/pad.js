import { createPlaneView } from "./plane_view.js";
import { keyedValue } from "./slider.js";

/**
 * A plane with a point that mouse, touch and arrow keys move.
 *
 * `ranges()` gives the axes { x: { min, max, name }, y }, `value()` the point [x, y], and `onMove([x, y])` is called
 * with a new one, always inside the axes. `paintBack(context, map, theme)` draws what stays while the point moves,
 * `paintFront` what moves with it. Returns { element, redraw(), redrawFront() }.
 */
export function createPad({ label, ranges, value, step, onMove, paintBack, paintFront }) {
  const attributes = { class: "vae-pad", role: "application", tabindex: "0" };
  const view = createPlaneView({ attributes, label, ranges, paintBack, paintFront });
  const pad = view.element;

  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // keeps the notebook from starting a selection
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => {
    if (pad.hasPointerCapture(event.pointerId)) follow(event);
  });
  pad.addEventListener("keydown", (event) => {
    const { x, y } = ranges();
    const [across, up] = value();
    const sideways = ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key);
    const axis = sideways ? x : y;
    const target = keyedValue(event, sideways ? across : up, axis.min, axis.max, step);
    if (target === undefined) return;
    event.preventDefault();
    onMove(sideways ? [target, up] : [across, target]);
  });

  function follow(event) {
    const { x, y } = ranges();
    const place = pad.getBoundingClientRect();
    const [across, up] = view.map().fromPixel(event.clientX - place.left, event.clientY - place.top);
    onMove([Math.min(x.max, Math.max(x.min, across)), Math.min(y.max, Math.max(y.min, up))]);
  }

  return { element: pad, redraw: view.redraw, redrawFront: view.redrawFront };
}

/** The point under the hand, with thin lines to the axes. */
export function drawHandle(context, map, [across, up], theme) {
  const { left, top, width, height } = map.box;
  const [x, y] = [map.x(across), map.y(up)];
  context.strokeStyle = theme.ink;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(left + width, y);
  context.moveTo(x, top);
  context.lineTo(x, top + height);
  context.stroke();
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.fillStyle = theme.ink;
  context.fill();
  context.lineWidth = 2.5;
  context.strokeStyle = theme.paper;
  context.stroke();
}
