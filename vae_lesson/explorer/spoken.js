import { element } from "./dom.js";

const QUIET = 600; // milliseconds without a change, after which the last text is read aloud

/** A line for screen readers alone, said when the hand rests. Returns { element, say(text) }. */
export function createSpoken(signal) {
  const line = element("p", { class: "vae-spoken", role: "status" });
  let timer;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return {
    element: line,
    say: (text) => {
      clearTimeout(timer);
      timer = setTimeout(() => (line.textContent = text), QUIET);
    },
  };
}
