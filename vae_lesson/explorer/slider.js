import { element } from "./dom.js";

/**
 * A range input with its name and a live read-out.
 *
 * `step` is what an arrow key moves (Shift: a tenth, Page keys: ten); the mouse moves freely. Home and End go to the
 * ends. `format(value)` is what is read out, `unit` is added for screen readers, `note` stands beside it. Returns
 * { element, set(value) }; `set` moves it without calling `onInput`.
 */
export function createSlider({ name, title = name, note = "", min, max, step, unit, format, onInput }) {
  const input = element("input", { type: "range", min, max, step: "any", title });
  input.setAttribute("aria-label", unit ? `${title}, in ${unit}` : title);
  const readout = element("output", { class: "vae-readout", "aria-hidden": "true" });
  let shown;
  const set = (value) => {
    if (value === shown) return;
    shown = value;
    input.value = value;
    readout.textContent = format(value);
    input.setAttribute("aria-valuetext", `${format(value)} ${unit}`.trim());
  };
  const moved = (value) => {
    set(value);
    onInput(value);
  };
  input.style.setProperty("--vae-zero", Math.min(1, Math.max(0, -min / (max - min))));
  input.addEventListener("input", () => moved(input.valueAsNumber));
  input.addEventListener("keydown", (event) => {
    const value = keyedValue(event, input.valueAsNumber, min, max, step);
    if (value === undefined) return;
    event.preventDefault();
    moved(value);
  });
  const label = element("span", { class: "vae-name", "aria-hidden": "true" }, name);
  const aside = element("span", { class: "vae-note" }, note);
  return { element: element("div", { class: "vae-slider" }, label, input, readout, aside), set };
}

/** Where a key takes a slider's value, or undefined if the key is not one of its own. */
export function keyedValue(event, value, min, max, step) {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const small = event.shiftKey ? step / 10 : step;
  const target = {
    ArrowLeft: value - small,
    ArrowDown: value - small,
    ArrowRight: value + small,
    ArrowUp: value + small,
    PageDown: value - 10 * step,
    PageUp: value + 10 * step,
    Home: min,
    End: max,
  }[event.key];
  if (target === undefined) return undefined;
  const clean = Math.round(target * 1e6) / 1e6; // no 0.30000000000000004
  return Math.min(max, Math.max(min, clean));
}
