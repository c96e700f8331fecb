import { number } from "./axes.js";
import { element } from "./dom.js";

/**
 * A table of numbers. `rows` are { key, name, quantity, unit, format }; a quantity gives a patch of its colour, "gap" a
 * hatched one. `set({ key: value })` shows them with three decimals, or as `format(value)`. Returns { element, set }.
 */
export function createReadouts(label, rows) {
  const table = element("div", { class: "vae-numbers", role: "group", "aria-label": label });
  const outputs = new Map(rows.map(({ key }) => [key, createOutput(key)]));
  for (const { key, name, quantity, unit = "nats" } of rows) {
    const hatched = quantity === "gap";
    const patch = element("span", { class: `vae-patch ${hatched ? "vae-hatched" : ""}`, "aria-hidden": "true" });
    if (quantity && !hatched) patch.style.background = `var(--vae-${quantity})`;
    const unitNote = element("span", { class: "vae-note" }, unit);
    table.append(patch, element("span", {}, ...mathText(name)), outputs.get(key), unitNote);
  }
  return {
    element: table,
    set: (values, digits = 3) => {
      for (const { key, format } of rows) {
        outputs.get(key).textContent = format ? format(values[key]) : number(values[key], digits);
      }
    },
  };
}

// It changes with every frame: what is read aloud is spoken.js.
function createOutput(key) {
  return element("output", { class: "vae-readout", "data-number": key, "aria-live": "off" });
}

/** A name as the page prints it: single letters of mathematics in italics. */
export function mathText(text) {
  return text.split(/(\b[pqxzK]\b|[μσ])/).map((part, i) => (i % 2 ? element("i", {}, part) : part));
}
