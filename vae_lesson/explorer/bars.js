import { niceTicks, number } from "./axes.js";
import { element } from "./dom.js";
import { mathText } from "./readouts.js";

const ROOM = 0.2; // of the width, beyond the longest bar, for its number
const ROW = 26; // pixels

/**
 * Horizontal bars in nats on one axis. `rows` are { key, name, quantity, part }; without a quantity a bar is hatched: a
 * gap. A `part` is paler, and hatched when it takes away. `set(bars, range, guides)` takes { key: [from, to] }, the
 * axis [low, high] without room for numbers, and dotted lines { at, row }, through all rows if `row` is left out.
 * Numbers stand at the bars' ends, on the left or the right `side`. Returns { element, set }.
 */
export function createBars({ label, rows, side }) {
  const chart = element("div", { class: "vae-bars", role: "group", "aria-label": label });
  chart.style.gridTemplateRows = `repeat(${rows.length}, ${ROW}px) 20px`;
  const ground = element("div", { class: "vae-bars-ground", "aria-hidden": "true" });
  const lines = element("div", { class: "vae-bars-lines", "aria-hidden": "true" });
  ground.style.gridRow = lines.style.gridRow = `1 / ${rows.length + 2}`;
  const parts = new Map(rows.map((row, i) => [row.key, createRow(row, side, i + 1)]));
  chart.append(ground, ...[...parts.values()].flatMap(({ name, track }) => [name, track]), lines);
  let shown = "";

  function set(bars, [low, high], guides) {
    const room = ROOM * (high - low);
    const [min, max] = side === "left" ? [low - room, high] : [low, high + room];
    const percent = (value) => `${(100 * (value - min)) / (max - min)}%`;
    for (const [key, [from, to]] of Object.entries(bars)) {
      const { bar, value } = parts.get(key);
      const [left, right] = [Math.min(from, to), Math.max(from, to)];
      bar.style.left = percent(left);
      bar.style.width = `${(100 * (right - left)) / (max - min)}%`;
      value.style.left = percent(side === "left" ? left : right);
      value.textContent = number(to - from, 3);
      bar.classList.toggle("vae-minus", to < from);
    }
    lines.replaceChildren(...guides.map(({ at, row }) => {
      const line = element("div");
      line.style.left = percent(at);
      if (row !== undefined) Object.assign(line.style, { top: `${row * ROW}px`, height: `${ROW}px` });
      return line;
    }));
    if (shown === `${min} ${max}`) return;
    shown = `${min} ${max}`;
    const ticks = niceTicks(min, max, 5).filter(({ value }) => value >= low && value <= high);
    ground.replaceChildren(...ticks.map(({ value, text }) => {
      const tick = element("div", value === 0 ? { class: "vae-zero" } : {}, element("span", {}, text));
      tick.style.left = percent(value);
      return tick;
    }));
  }

  return { element: chart, set };
}

/** The end of an axis for `value`: one of a few lengths, so that the axis stays still unless it must grow. */
export function ladder(value, first = 1) {
  return first * 2 ** Math.ceil(Math.log2(Math.max(1, value / first)));
}

function createRow({ key, name, quantity, part }, side, row) {
  const bar = element("div", { class: `vae-bar ${quantity ? "" : "vae-hatched"} ${part ? "vae-part" : ""}` });
  if (quantity) bar.style.setProperty("--vae-bar", `var(--vae-${quantity})`);
  const value = element("output", { class: `vae-bar-value vae-${side}`, "data-number": key, "aria-live": "off" });
  const track = element("div", { class: "vae-track" }, bar, value);
  const label = element("span", { class: "vae-bar-name" }, ...mathText(name));
  track.style.gridRow = label.style.gridRow = row;
  return { name: label, track, bar, value };
}
