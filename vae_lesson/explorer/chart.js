import { clipTo, drawAxes, freshCanvas, planeMap } from "./axes.js";

const CHART_MARGIN = { left: 44, right: 10, top: 8, bottom: 26 };

/**
 * Lines on axes. `series` is a list of { points: [[x, y], ...], colour, dash }; points that are not finite are left out.
 * `x` and `y` are { min, max, name }; without a `y` the axis fits the lines, but for the first tenth of their points,
 * which would flatten the rest.
 */
export function drawChart(canvas, series, x, y, theme) {
  const context = freshCanvas(canvas);
  const map = planeMap(canvas, x, y ?? fittingRange(series), CHART_MARGIN);
  drawAxes(context, map, theme, { grid: true, xTicks: 4, yTicks: 4 });
  clipTo(context, map, 3);
  for (const { points, colour, dash = [] } of series) drawLine(context, map, points, colour, dash);
  context.restore();
}

/** A range for the y axis that holds the lines' later points, with a little air. */
export function fittingRange(series) {
  const values = series.flatMap(({ points }) => {
    const finite = points.map(([, value]) => value).filter(Number.isFinite);
    return finite.slice(Math.floor(finite.length / 10));
  });
  if (!values.length) return { min: 0, max: 1 };
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const air = 0.08 * (max - min) || 1;
  return { min: min - air, max: max + air };
}

function drawLine(context, map, points, colour, dash) {
  const finite = points.filter((point) => point.every(Number.isFinite));
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 1.8;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.beginPath();
  for (const [x, y] of finite) context.lineTo(map.x(x), map.y(y));
  context.stroke();
  if (!finite.length) return;
  const [x, y] = finite.at(-1);
  context.beginPath();
  context.arc(map.x(x), map.y(y), 2.5, 0, 2 * Math.PI);
  context.fill();
}
