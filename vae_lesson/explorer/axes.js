/** Round numbers between min and max, about `count` of them. */
export function niceTicks(min, max, count) {
  const rough = (max - min) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= rough * (1 - 1e-9));
  const ticks = [];
  for (let i = Math.ceil(min / step - 1e-9); i * step <= max + 1e-9 * step; i++) ticks.push(i * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return ticks.map((value) => ({ value, text: number(value, digits) }));
}

/** A number with a true minus sign. */
export function number(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}

/** A canvas made ready for drawing in CSS pixels, sharp on every screen. */
export function freshCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Where values lie on a canvas: `x` and `y` are { min, max, name }, margins in CSS pixels. */
export function planeMap(canvas, x, y, margin) {
  const box = {
    left: margin.left,
    top: margin.top,
    width: canvas.clientWidth - margin.left - margin.right,
    height: canvas.clientHeight - margin.top - margin.bottom,
  };
  const xScale = box.width / (x.max - x.min);
  const yScale = box.height / (y.max - y.min);
  return {
    box,
    axes: { x, y },
    xScale,
    yScale,
    x: (value) => box.left + (value - x.min) * xScale,
    y: (value) => box.top + (y.max - value) * yScale,
    fromPixel: (px, py) => [x.min + (px - box.left) / xScale, y.max - (py - box.top) / yScale],
  };
}

/** Draw only within the axes until `context.restore()`; `air` adds to every side. */
export function clipTo(context, { box }, air = 0) {
  context.save();
  context.beginPath();
  context.rect(box.left - air, box.top - air, box.width + 2 * air, box.height + 2 * air);
  context.clip();
}

/** The frame, ticks and names of a map's axes; an axis that has `ticks` [{ value, text }] of its own shows these. */
export function drawAxes(context, map, theme, { grid = false, xTicks = 6, yTicks = 6 } = {}) {
  const { left, top, width, height } = map.box;
  context.save();
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.muted;
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  const { x, y } = map.axes;
  for (const { value, text } of x.ticks ?? niceTicks(x.min, x.max, xTicks)) {
    context.fillText(text, map.x(value), top + height + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, text } of y.ticks ?? niceTicks(y.min, y.max, yTicks)) {
    context.fillText(text, left - 6, map.y(value));
    if (!grid) continue;
    context.globalAlpha = 0.5;
    strokeLine(context, left, map.y(value), left + width, map.y(value));
    context.globalAlpha = 1;
  }
  if (!grid) context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  drawAxisName(context, x.name, left + width - 8, top + height - 9, theme);
  drawAxisName(context, y.name, left + 9, top + 20, theme, "left");
  context.restore();
}

// On a halo of paper, within the axes: z1 at the right end, z2 at the top.
function drawAxisName(context, name = "", x, y, theme, align = "right") {
  context.font = 'italic 16px Georgia, "Times New Roman", serif';
  context.textAlign = align;
  context.textBaseline = "alphabetic";
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = theme.paper;
  context.strokeText(name, x, y);
  context.fillStyle = theme.ink;
  context.fillText(name, x, y);
}

/** A straight line, on the middle of a pixel so that it stays thin. */
export function strokeLine(context, x1, y1, x2, y2) {
  const sharp = (v) => Math.round(v) + 0.5;
  context.beginPath();
  context.moveTo(sharp(x1), sharp(y1));
  context.lineTo(sharp(x2), sharp(y2));
  context.stroke();
}
