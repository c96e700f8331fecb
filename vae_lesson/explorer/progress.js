import { button, element } from "./dom.js";
import { mount, onTraits } from "./widget.js";

const BOX = 22; // pixels, an exercise's square and the gap after it
const ACROSS = 8;
const AFRESH = "Starting afresh moves what you have into the folder kept, and puts a new copy in its place.";

/** Progress: see progress.py. */
export function render({ model, el }) {
  return mount(el, (root, signal) => buildProgress(model, root, signal));
}

function buildProgress(model, root, signal) {
  const tell = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const known = model.get("lessons"); // which they are never changes, only what is solved
  const rows = known.map(({ file, title }) => createRow(title, boxesOf, () => tell("wish", [file])));
  const sum = createRow("all lessons", () => "", () => tell("wish", known.map(({ file }) => file)));
  sum.element.classList.add("vae-sum");
  const table = element("table", { class: "vae-lessons", "aria-label": "the lessons and their exercises" });
  const body = element("tbody", {}, ...rows.map((row) => row.element), sum.element);
  table.append(body);
  const note = element("p", { class: "vae-note" });
  const said = element("p", { role: "status" });
  root.append(element("div", { class: "vae-progress" }, table, note, said));

  const show = () => {
    const lessons = model.get("lessons");
    const fixed = model.get("note") !== "";
    rows.forEach((row, i) => row.update(lessons[i], fixed));
    sum.update({ solved: lessons.flatMap(({ solved }) => solved), newer: false }, fixed);
    note.textContent = model.get("note") || AFRESH;
    said.textContent = model.get("said");
  };
  onTraits(model, ["lessons", "note", "said"], show, signal);
  show();

  // Exercises are solved on other pages: look again whenever this one comes into sight.
  const look = () => tell("glances", model.get("glances") + 1);
  const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && look());
  observer.observe(root);
  signal.addEventListener("abort", () => observer.disconnect());
  document.addEventListener("visibilitychange", () => document.hidden || look(), { signal });
}

function createRow(title, draw, onAfresh) {
  const newer = element("span", { class: "vae-note" });
  const boxes = element("td");
  const count = element("td");
  const action = createConfirmed({ title, onYes: onAfresh });
  const head = element("th", { scope: "row" }, title, newer);
  const update = ({ solved, newer: hasNewer }, fixed) => {
    newer.textContent = hasNewer ? "a newer version lies beside yours" : "";
    boxes.innerHTML = draw(solved);
    const done = solved.filter(Boolean).length;
    count.textContent = solved.length ? `solved ${done} of ${solved.length}` : "no exercises";
    action.hidden = fixed;
  };
  return { element: element("tr", {}, head, boxes, count, element("td", {}, action)), update };
}

// A square for each exercise with its number: filled when it is solved. Screen readers have the count beside it.
function boxesOf(solved) {
  const box = (isSolved, i) => {
    const place = `translate(${BOX * (i % ACROSS)} ${BOX * Math.floor(i / ACROSS)})`;
    return `<g class="${isSolved ? "vae-solved" : "vae-open"}" transform="${place}">
      <rect x="0.5" y="1.5" width="18" height="18" rx="2" /><text x="9.5" y="15">${i + 1}</text></g>`;
  };
  const [width, height] = [Math.min(solved.length, ACROSS), Math.ceil(solved.length / ACROSS)].map((n) => BOX * n);
  return width ? `<svg width="${width}" height="${height}" aria-hidden="true">${solved.map(box).join("")}</svg>` : "";
}

// A button that asks back before it does anything; Escape means no.
function createConfirmed({ title, onYes }) {
  const place = element("span", { class: "vae-confirmed" });
  const first = button("Start afresh", ask, { "aria-label": `Start afresh: ${title}` });
  const close = () => {
    place.replaceChildren(first);
    first.focus();
  };
  const yes = () => {
    close();
    onYes();
  };
  function ask() {
    const no = button("No", close, { "aria-label": `No, leave as it is: ${title}` });
    place.replaceChildren("Sure?", button("Yes", yes, { "aria-label": `Yes, start afresh: ${title}` }), no);
    no.focus();
  }
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || first.isConnected) return;
    event.stopPropagation();
    close();
  });
  place.append(first);
  return place;
}
