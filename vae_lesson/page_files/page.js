/* What a lesson's page needs in the browser: its formulas typeset, and its widgets alive without Python. */

globalThis.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  svg: { displayAlign: "left", displayIndent: "1.5em" },
  options: { enableMenu: false }, // its entries load files that are not here
};

/** The part of anywidget's model that our widgets use, over the state that the kernel left. */
class StoredModel extends EventTarget {
  #state;

  constructor({ state, buffers }) {
    super();
    this.#state = state;
    for (const { path, data } of buffers) {
      const owner = path.slice(0, -1).reduce((part, key) => part[key], state);
      owner[path.at(-1)] = new DataView(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)).buffer);
    }
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    const same = !(value instanceof DataView) && JSON.stringify(value) === JSON.stringify(this.#state[name]);
    if (same) return; // as in JupyterLab, or a view that answers a change with the same value goes on for ever
    this.#state[name] = value;
    this.dispatchEvent(new Event(`change:${name}`));
  }

  save_changes() {} // nobody to tell

  on(event, callback) {
    this.addEventListener(event, callback);
  }

  off(event, callback) {
    this.removeEventListener(event, callback);
  }
}

/** Put a module's widgets in their places; views of one widget share its model. Each module calls it at its end. */
globalThis.showWidgets = (module, { render }) => {
  for (const stored of document.querySelectorAll(`script[data-module="${module}"]`)) {
    const model = new StoredModel(JSON.parse(stored.textContent));
    for (const el of document.querySelectorAll(`.widget[data-model="${stored.dataset.state}"]`)) {
      const live = document.createElement("div");
      live.className = "live";
      el.append(live); // beside the picture, which page.css keeps for paper
      render({ model, el: live });
    }
  }
};

/* Paper can't be opened: what is folded is printed in full. */
globalThis.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    globalThis.addEventListener("afterprint", () => (folded.open = false), { once: true });
  }
});
