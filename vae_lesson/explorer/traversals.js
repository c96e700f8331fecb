import { number } from "./axes.js";
import { createDecodedSheet } from "./decoded_sheet.js";
import { button, element } from "./dom.js";
import { latentName } from "./latent_plane.js";

const FRAMES = 9;

/**
 * One strip of images for each latent of `order`: it goes from -reach to reach, the others stay. Folded away at first.
 * Returns { button, element, update(z, dark) }.
 */
export function createTraversals({ net, shape, order, reach, onOpen, signal }) {
  const canvas = element("canvas", {
    class: "vae-sheet", role: "img",
    "aria-label": `Traversals, a row for each latent: ${FRAMES} images from ${-reach} to ${reach}, the others stay`,
  });
  const names = element("div", { class: "vae-row-names", "aria-hidden": "true" });
  names.append(...order.map((latent) => element("i", {}, latentName(latent))));
  const ends = [-reach, 0, reach].map((value) => element("span", {}, number(value, 1)));
  const scale = element("div", { class: "vae-note vae-ends", "aria-hidden": "true" }, ...ends);
  const figure = element("figure", { class: "vae-traversals", hidden: "" }, names, canvas, scale);
  const made = createDecodedSheet(net, shape, () => {
    const sheet = made.sheet();
    Object.assign(canvas, { width: sheet.width, height: sheet.height });
    canvas.getContext("2d").drawImage(sheet, 0, 0);
  }, signal);
  const toggle = button("", () => fold(!figure.hidden));
  const fold = (folded) => {
    figure.hidden = folded;
    toggle.textContent = folded ? "Show traversals" : "Hide traversals";
    toggle.setAttribute("aria-expanded", !folded);
    if (!folded) onOpen();
  };
  fold(true);

  function update(z, dark) {
    if (figure.hidden) return;
    made.request({
      key: JSON.stringify([z, dark]),
      columns: FRAMES,
      rows: order.length,
      dark,
      at: (column, row) => z.map((value, i) => (i === order[row] ? reach * ((2 * column) / (FRAMES - 1) - 1) : value)),
    });
  }

  return { button: toggle, element: figure, update };
}
