/** Make an element: `element("p", { class: "note", role: "status" }, "text", child)`. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A button that calls `onPress`. */
export function button(text, onPress, attributes = {}) {
  const node = element("button", { type: "button", class: "vae-button", ...attributes }, text);
  node.addEventListener("click", onPress);
  return node;
}
