import { drawQ } from "./scatter.js";

const SIZE = 104; // CSS pixels
const AIR = 6;
const SPREADS = 3.2; // standard deviations from the middle to the rim

/**
 * A close-up of one q in a corner of the plane: its ellipses, and the sample as a dot. Without it, moves of the sample
 * could not be seen: a trained q is a few pixels wide.
 */
export function drawLens(context, map, mean, spread, sample, theme) {
  const scale = SIZE / 2 / (SPREADS * Math.max(...spread));
  if (scale < 1.5 * map.xScale) return; // q is large enough to be seen as it is
  const { box } = map;
  const away = mean[0] > 0 && mean[1] > 0; // the lens is not to cover what it shows
  const left = away ? box.left + AIR : box.left + box.width - SIZE - AIR;
  const top = away ? box.top + box.height - SIZE - AIR : box.top + AIR;
  const close = {
    xScale: scale,
    yScale: scale,
    x: (value) => left + SIZE / 2 + (value - mean[0]) * scale,
    y: (value) => top + SIZE / 2 - (value - mean[1]) * scale,
  };
  context.save();
  Object.assign(context, { fillStyle: theme.paper, strokeStyle: theme.muted, lineWidth: 1 });
  context.beginPath();
  context.rect(left, top, SIZE, SIZE);
  context.fill();
  context.stroke();
  context.clip();
  drawQ(context, close, mean, spread, theme);
  drawSample(context, close, sample, theme);
  Object.assign(context, { fillStyle: theme.muted, font: `11px ${theme.font}`, textAlign: "left" });
  context.fillText(`×${Math.round(scale / map.xScale)}`, left + 5, top + SIZE - 6);
  context.restore();
}

/** The sample as a dot. */
export function drawSample(context, map, [x, y], theme, radius = 4) {
  context.beginPath();
  context.arc(map.x(x), map.y(y), radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: theme.ink, strokeStyle: theme.paper, lineWidth: 1.5 });
  context.fill();
  context.stroke();
}
