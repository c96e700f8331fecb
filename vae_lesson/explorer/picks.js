import { element } from "./dom.js";
import { showImage } from "./images.js";
import { keyedValue } from "./slider.js";

/**
 * Thumbnails to choose one of. `items` are { name, values, note }: its pixels, and what stands below it. Returns
 * { element, show(index, dark) }.
 */
export function createPicks({ label, items, shape, onPick }) {
  const group = element("div", { class: "vae-picks", role: "radiogroup", "aria-label": label });
  const picks = items.map(({ name, values, note }, i) => {
    const canvas = element("canvas", { class: "vae-image" });
    const pick = element("button", { type: "button", role: "radio", class: "vae-pick", title: name }, canvas, note);
    pick.setAttribute("aria-label", `${name}: ${note}`);
    pick.addEventListener("click", () => onPick(i));
    return { pick, canvas, values };
  });
  let [chosen, shown] = [-1, undefined];
  group.addEventListener("keydown", (event) => {
    const target = keyedValue(event, chosen, 0, picks.length - 1, 1);
    if (target === undefined) return;
    event.preventDefault();
    onPick(Math.round(target));
    picks[Math.round(target)].pick.focus();
  });
  group.append(...picks.map(({ pick }) => pick));

  function show(index, dark) {
    if (dark !== shown) for (const { canvas, values } of picks) showImage(canvas, values, shape, dark);
    [chosen, shown] = [index, dark];
    picks.forEach(({ pick }, i) => {
      pick.setAttribute("aria-checked", i === index);
      pick.tabIndex = i === index ? 0 : -1;
    });
  }

  return { element: group, show };
}
