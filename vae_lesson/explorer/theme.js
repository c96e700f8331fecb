const QUANTITIES = ["prior", "q", "posterior", "evidence", "elbo", "rate", "distortion"];
const SURFACES = ["ink", "muted", "line", "paper"];

/** The colours and the font that hold where `node` stands; the style sheet has them as --vae-* properties. */
export function readTheme(node) {
  const style = getComputedStyle(node);
  const theme = { dark: style.getPropertyValue("--vae-dark").trim() === "1", font: style.fontFamily };
  for (const name of [...SURFACES, ...QUANTITIES]) theme[name] = style.getPropertyValue(`--vae-${name}`).trim();
  return theme;
}

/** Call `redraw` when JupyterLab's theme, the system's colours or the window's size change. */
export function onLookChange(redraw, node, signal) {
  // A frame later: JupyterLab hides the page for one while it changes its theme, and what is hidden has no size.
  const observer = new MutationObserver(() => requestAnimationFrame(redraw));
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  const resized = new ResizeObserver(redraw);
  resized.observe(node);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    resized.disconnect();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, { signal });
  addEventListener("resize", redraw, { signal }); // zooming changes the pixels that a canvas needs
}
