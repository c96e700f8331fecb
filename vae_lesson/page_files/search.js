/* Search in the pages: as the reader types, the places that hold all the words; on the page that is opened, the words. */

const START = "(?<![\\p{L}\\p{N}])"; // a word is found where it begins: "kl" finds KL, and not "sparkling"
const SHOWN = 20;

const wordsOf = (query) => query.match(/\S+/g)?.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")) ?? [];
const pattern = (...words) => new RegExp(`${START}(?:${words.join("|")})`, "giu");

/** The sections of the index that hold every word, those with the most of them in their headings first. */
function find(words) {
  const patterns = words.map((word) => pattern(word));
  const hits = (text) => patterns.filter((each) => text.search(each) >= 0).length;
  return searchIndex
    .filter(({ lesson, heading, text }) => words.length && hits(`${lesson} ${heading} ${text}`) === words.length)
    .sort((a, b) => hits(b.heading) - hits(a.heading)); // stable: else the order of the course
}

/** Text in which what the pattern finds is marked. */
function marked(text, any) {
  const nodes = [];
  let end = 0;
  for (const { 0: hit, index } of text.matchAll(any)) {
    const mark = document.createElement("mark");
    mark.textContent = hit;
    nodes.push(text.slice(end, index), mark);
    end = index + hit.length;
  }
  return [...nodes, text.slice(end)];
}

function result(section, query, any) {
  const [item, link, excerpt] = ["li", "a", "p"].map((name) => document.createElement(name));
  link.href = `${section.page}?find=${encodeURIComponent(query)}#${encodeURIComponent(section.place)}`;
  link.append(...marked(section.lesson, any));
  if (section.place) link.append(" › ", ...marked(section.heading, any));
  const begin = Math.max(0, section.text.search(any) - 60);
  excerpt.append(begin ? "… " : "", ...marked(section.text.slice(begin, begin + 180), any), " …");
  item.append(link, excerpt);
  return item;
}

/** The words of the search that led to this page, highlighted in it. */
function highlight(words) {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const ranges = [];
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (node.parentElement.closest("script, style, mjx-container, .widget")) continue;
    for (const { 0: hit, index } of node.data.matchAll(pattern(...words))) {
      const range = new Range();
      range.setStart(node, index);
      range.setEnd(node, index + hit.length);
      ranges.push(range);
    }
  }
  globalThis.CSS.highlights?.set("found", new Highlight(...ranges));
}

const form = document.querySelector(".search");
const [field, told, list] = ["input", "[role=status]", "ol"].map((selector) => form.querySelector(selector));
form.hidden = false; // it needs this script

function search() {
  const words = wordsOf(field.value);
  const found = find(words);
  const count = `${found.length} ${found.length === 1 ? "place" : "places"}`;
  told.textContent = words.length ? `${count}${found.length > SHOWN ? `, of which the first ${SHOWN}` : ""}` : "";
  list.replaceChildren(...found.slice(0, SHOWN).map((section) => result(section, field.value, pattern(...words))));
}

field.addEventListener("input", search);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.querySelector("a")?.click();
});

form.addEventListener("keydown", (event) => {
  const stops = [field, ...list.querySelectorAll("a")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) stops[stops.indexOf(document.activeElement) + step]?.focus();
  if (event.key === "Escape") {
    field.value = "";
    search();
    field.focus();
  }
  if (step || event.key === "Escape") event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, .widget")) return;
  event.preventDefault();
  field.focus();
});

const sought = wordsOf(new URLSearchParams(location.search).get("find") ?? "");
if (sought.length) {
  MathJax.startup.promise.then(() => {
    highlight(sought);
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView(); // the formulas moved it
  });
}
