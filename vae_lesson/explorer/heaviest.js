import { element } from "./dom.js";
import { showImage } from "./images.js";
import { readTheme } from "./theme.js";

/**
 * Bars of the heaviest samples' shares of the weight, the heaviest first, each over the picture that the sample makes;
 * at the left the picture of x. `shape` is [channels, height, width], or empty where there are no pictures, which are
 * uint8 in `pixels`, x first. Returns { element, show(summary, place, n) }.
 */
export function createHeaviest(few, shape, pixels) {
  const caption = element("figcaption", { class: "vae-note" });
  const picture = (at) => pictureOf(pixels, shape, at);
  const x = element("canvas", { class: "vae-image", role: "img", "aria-label": "the image x" });
  const target = element("div", { class: "vae-target" }, x, element("i", {}, "x"));
  target.hidden = !shape.length;
  const columns = Array.from({ length: few }, () => createColumn(shape.length > 0));
  const bars = element("div", { class: "vae-heaviest", role: "img" }, ...columns.map((column) => column.element));
  let shown = "";

  function show({ heaviest, shares }, place, n) {
    const theme = readTheme(bars);
    caption.textContent = `who carries the weight: the heaviest of ${n.toLocaleString("en-US")} samples`;
    bars.setAttribute("aria-label", `Shares of the weight, the heaviest first: ${shares.map(percent).join(", ")}`);
    columns.forEach(({ element: column, bar, text }, k) => {
      column.style.visibility = k < shares.length ? "" : "hidden";
      if (k >= shares.length) return;
      bar.style.height = `${100 * shares[k]}%`;
      text.textContent = percent(shares[k]);
    });
    const key = `${place.dimension} ${theme.dark} ${heaviest}`;
    if (!shape.length || key === shown) return;
    shown = key;
    showImage(x, picture(0), shape, theme.dark);
    heaviest.forEach((sample, k) => {
      showImage(columns[k].canvas, picture(place.picture.get(sample)), shape, theme.dark);
    });
  }

  return { element: element("figure", { class: "vae-shares" }, caption, target, bars), show };
}

function createColumn(pictured) {
  const bar = element("div", { class: "vae-share" });
  const text = element("span", {});
  const canvas = element("canvas", { class: "vae-image" });
  canvas.hidden = !pictured;
  const track = element("div", { class: "vae-share-track" }, bar);
  bar.append(text);
  return { element: element("div", { class: "vae-heavy" }, track, canvas), bar, text, canvas };
}

function pictureOf(pixels, [channels, height, width], at) {
  const size = channels * height * width;
  return Float32Array.from(pixels.subarray(at * size, (at + 1) * size), (value) => value / 255);
}

/** A share as a percentage of two digits. */
export function percent(share) {
  const value = 100 * share;
  if (value < 0.005) return "≈ 0";
  return `${value.toFixed(value < 0.995 ? 2 : value < 9.95 ? 1 : 0)}%`;
}
