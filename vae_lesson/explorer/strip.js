import { createDecodedSheet } from "./decoded_sheet.js";
import { button, element } from "./dom.js";

/**
 * A row of images for each way, from t = 0 to t = 1, and a mark under the present place. `onPick({ way, t })` is called
 * for a click on an image, `onPick({ way })` for the button before a row. Returns { element, redraw(key, at, dark),
 * mark(way, t) }; `at(t, way)` gives a point, and another `key` says that the points are others.
 */
export function createStrip({ net, ways, frames, shape, onPick, signal }) {
  const times = Array.from({ length: frames }, (_, i) => i / (frames - 1));
  const strip = element("div", { class: "vae-strip" });
  const rows = ways.map((way) => {
    const name = button(way, () => onPick({ way }));
    const canvas = element("canvas", {
      class: "vae-sheet", role: "img", "aria-label": `${way}: ${frames} images from start to end`,
    });
    canvas.addEventListener("click", (event) => {
      const frame = Math.floor((event.offsetX / canvas.clientWidth) * frames);
      onPick({ way, t: times[Math.min(frames - 1, Math.max(0, frame))] });
    });
    const arrow = element("div");
    const line = element("div", { class: "vae-here", "aria-hidden": "true" }, arrow);
    strip.append(name, canvas, line);
    return { way, name, canvas, line, arrow };
  });

  const made = createDecodedSheet(net, shape, show, signal);

  function show() {
    const sheet = made.sheet();
    const height = sheet.height / ways.length;
    rows.forEach(({ canvas }, row) => {
      Object.assign(canvas, { width: sheet.width, height });
      canvas.getContext("2d").drawImage(sheet, 0, -row * height);
    });
  }

  function redraw(key, at, dark) {
    const points = ways.map((way) => times.map((t) => at(t, way))); // now, for the ends may move before they are drawn
    made.request({ key: `${key} ${dark}`, columns: frames, rows: ways.length, dark, at: (i, row) => points[row][i] });
  }

  // t = 0 lies under the middle of the first image, t = 1 under that of the last.
  function mark(present, t) {
    for (const { way, name, line, arrow } of rows) {
      name.setAttribute("aria-pressed", way === present);
      line.style.visibility = way === present ? "visible" : "hidden";
      arrow.style.left = `${(100 * (0.5 + t * (frames - 1))) / frames}%`;
    }
  }

  return { element: strip, redraw, mark };
}
