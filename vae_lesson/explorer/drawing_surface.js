import { freshCanvas } from "./axes.js";
import { element } from "./dom.js";
import { showImage } from "./images.js";
import { PEN, stroked } from "./ink.js";
import { readTheme } from "./theme.js";

const EDGE = 1 / 7; // of the side: MNIST's digits fill a box of 20 x 20 in the middle of 28 x 28
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * A surface to draw on with mouse, touch, stylus or keyboard.
 *
 * `read()` gives the ink (values in [0, 1]) of `shape`, `write(ink)` takes it while the pen moves, `onLift()` is called
 * when the pen leaves the paper, `onClear()` for the key Delete, `say(text)` tells where the keyboard's pen is. Returns
 * { element, redraw() }.
 */
export function createSurface({ shape, read, write, onLift, onClear, say }) {
  const [, height, width] = shape;
  const paper = element("canvas", { class: "vae-image", "aria-hidden": "true" });
  const overlay = element("canvas", { "aria-hidden": "true" });
  const surface = element("div", {
    class: "vae-surface", role: "application", tabindex: "0",
    "aria-label": `Drawing, ${width} by ${height} pixels. Arrow keys move the pen, Space puts it down or lifts it, `
      + "Delete clears.",
  }, paper, overlay);
  let place = [width / 2, height / 2]; // of the pen, in pixels
  let down = false;

  const goTo = (next) => {
    if (down) write(stroked(read(), [height, width], place, next));
    place = next;
    drawOverlay();
  };
  const putDown = () => {
    down = true;
    goTo(place);
  };
  const lift = () => {
    if (!down) return;
    down = false;
    drawOverlay();
    onLift();
  };

  const placeOf = (event) => {
    const box = surface.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // keeps the notebook from starting a selection
    surface.focus({ preventScroll: true });
    surface.setPointerCapture(event.pointerId);
    place = placeOf(event);
    putDown();
  });
  surface.addEventListener("pointermove", (event) => {
    if (!surface.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents?.() ?? []; // a fast hand passes more places than there are frames
    for (const at of passed.length ? passed : [event]) goTo(placeOf(at));
  });
  surface.addEventListener("lostpointercapture", lift);

  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) moveBy(ARROWS[event.key]);
    else if (event.key === " " || event.key === "Enter") (down ? lift : putDown)();
    else if (event.key === "Delete" || event.key === "Backspace") onClear();
    else return;
    event.preventDefault();
    const [column, row] = place.map((value) => Math.floor(value) + 1);
    say(`pen ${down ? "down" : "up"}, row ${row}, column ${column}`);
  });
  surface.addEventListener("blur", lift);
  surface.addEventListener("focus", () => drawOverlay());
  surface.addEventListener("blur", () => drawOverlay());

  // From the middle of a pixel to the middle of the next.
  function moveBy(step) {
    goTo(step.map((by, i) => Math.min([width, height][i] - 0.5, Math.max(0.5, Math.floor(place[i]) + 0.5 + by))));
  }

  function drawOverlay() {
    if (!overlay.clientWidth) return;
    const theme = readTheme(surface);
    const context = freshCanvas(overlay);
    const scale = overlay.clientWidth / width;
    Object.assign(context, { strokeStyle: theme.prior, lineWidth: 1, globalAlpha: 0.6 });
    context.setLineDash([3, 4]);
    const [left, top] = [width, height].map((side) => Math.round(side * EDGE) * scale);
    context.strokeRect(left, top, overlay.clientWidth - 2 * left, overlay.clientHeight - 2 * top);
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (!read().some((value) => value > 0)) drawHint(context, theme);
    if (document.activeElement === surface) drawPen(context, scale, theme);
  }

  function drawHint(context, theme) {
    Object.assign(context, { fillStyle: theme.muted, font: `14px ${theme.font}`, textAlign: "center" });
    context.fillText("draw here", overlay.clientWidth / 2, overlay.clientHeight * 0.4);
  }

  // A ring as wide as the stroke; filled while the pen is down.
  function drawPen(context, scale, theme) {
    context.beginPath();
    context.arc(place[0] * scale, place[1] * scale, PEN * scale, 0, 2 * Math.PI);
    context.fillStyle = theme.q;
    context.globalAlpha = 0.5;
    if (down) context.fill();
    context.globalAlpha = 1;
    for (const [lineWidth, strokeStyle] of [[5, theme.paper], [2.5, theme.q]]) {
      Object.assign(context, { lineWidth, strokeStyle });
      context.stroke();
    }
  }

  function redraw() {
    showImage(paper, read(), shape, readTheme(surface).dark);
    drawOverlay();
  }

  return { element: surface, redraw };
}
