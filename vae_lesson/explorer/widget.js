import { element } from "./dom.js";

/**
 * Put a widget on the page. `build(root, signal)` fills the root; `signal` aborts when the widget is taken away.
 * An error in `build` is shown in the widget's place. Returns the clean-up that anywidget calls.
 */
export function mount(el, build) {
  const controller = new AbortController();
  const root = element("div", { class: "vae" });
  root.addEventListener("keydown", keepKeys);
  el.append(root);
  try {
    build(root, controller.signal);
  } catch (error) {
    root.replaceChildren(element("p", { class: "vae-error", role: "alert" }, error.message));
  }
  return () => controller.abort();
}

/** Call `react` when one of the traits changes. */
export function onTraits(model, names, react, signal) {
  for (const name of names) {
    model.on(`change:${name}`, react);
    signal.addEventListener("abort", () => model.off(`change:${name}`, react));
  }
}

// Else the notebook takes arrow keys and letters as commands: the selected cell moves, `a` inserts one.
function keepKeys(event) {
  const isShortcut = event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape";
  if (!isShortcut) event.stopPropagation();
}
