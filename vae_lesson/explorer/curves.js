import { strokeLine } from "./axes.js";

/** Draw only inside the frame of a map. */
export function insideFrame(context, { box }, draw) {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  draw();
  context.restore();
}

/** The line of f over the whole width of a map. */
export function drawCurve(context, map, f, { colour, width = 2, dashes = [] }) {
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dashes);
  context.beginPath();
  tracePath(context, map, f);
  context.stroke();
  context.restore();
}

/** Fill what lies between f and zero with a colour or a pattern. */
export function fillCurve(context, map, f, fill, alpha = 1) {
  const { left, width } = map.box;
  context.save();
  context.fillStyle = fill;
  context.globalAlpha = alpha;
  context.beginPath();
  tracePath(context, map, f);
  context.lineTo(left + width, map.y(0));
  context.lineTo(left, map.y(0));
  context.fill();
  context.restore();
}

/** Slanted lines, to fill with: what is hatched is a gap or lies below zero. */
export function hatch(context, colour) {
  const tile = document.createElement("canvas");
  const scale = devicePixelRatio || 1;
  tile.width = tile.height = Math.round(8 * scale);
  const pen = tile.getContext("2d");
  pen.scale(tile.width / 8, tile.height / 8);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 2, 10);
    pen.lineTo(shift + 10, -2);
  }
  pen.stroke();
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(8 / tile.width));
  return pattern;
}

/** A name beside a curve, on a soft ground so that it can be read over lines. */
export function drawName(context, theme, text, x, y, colour, align = "left") {
  context.save();
  context.font = 'italic 15px Georgia, "Times New Roman", serif';
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = theme.paper;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
  context.restore();
}

/** What a panel's upward axis measures, in small letters inside the frame. */
export function drawPanelName(context, map, theme, text) {
  const { left, top } = map.box;
  context.save();
  context.fillStyle = theme.muted;
  context.font = `11px ${theme.font}`;
  context.textBaseline = "top";
  context.fillText(text, left + 8, top + 8);
  context.restore();
}

/** A dotted level across the frame. */
export function drawLevel(context, map, value, colour) {
  const { left, width } = map.box;
  context.save();
  context.strokeStyle = colour;
  context.setLineDash([2, 3]);
  strokeLine(context, left, map.y(value), left + width, map.y(value));
  context.restore();
}

/** A quantity's colour, dark enough for letters. */
export function inkOf(theme, quantity) {
  const darker = { prior: "#666666", posterior: "#8F6200", rate: "#9C4A77" };
  return theme.dark ? theme[quantity] : (darker[quantity] ?? theme[quantity]);
}

function tracePath(context, map, f) {
  const { left, width } = map.box;
  for (let px = 0; px <= width; px += 1) {
    const [value] = map.fromPixel(left + px, 0);
    const y = map.y(f(value));
    if (px === 0) context.moveTo(left, y);
    else context.lineTo(left + px, y);
  }
}
