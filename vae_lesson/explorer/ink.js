export const PEN = 1.2; // radius in pixels: strokes about as wide as those of the data

/** The ink (values in [0, 1], row by row) with a soft stroke from one place [x, y] to another, in pixels. */
export function stroked(ink, [height, width], from, to) {
  const drawn = Float32Array.from(ink);
  const [first, last] = [0, 1].map((side) => [from, to].map((place) => place[side]));
  for (const row of reached(last, height)) {
    for (const column of reached(first, width)) {
      const at = row * width + column;
      const wet = PEN + 0.5 - distanceToSegment([column + 0.5, row + 0.5], from, to);
      drawn[at] = Math.max(drawn[at], Math.min(1, wet));
    }
  }
  return drawn;
}

// Rows or columns that a stroke between two coordinates can reach.
function reached(ends, size) {
  const first = Math.max(0, Math.floor(Math.min(...ends) - PEN - 1));
  const last = Math.min(size - 1, Math.ceil(Math.max(...ends) + PEN + 1));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

function distanceToSegment([x, y], [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = dx || dy ? ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy) : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}

/** The ink moved by whole pixels so that its centre of mass is in the middle, as MNIST's is, but none of it lost. */
export function centred(ink, [height, width]) {
  const places = Array.from(ink, (value, at) => ({ value, row: Math.floor(at / width), column: at % width }))
    .filter(({ value }) => value > 0);
  const down = shiftOf(places.map(({ row, value }) => [row, value]), height);
  const right = shiftOf(places.map(({ column, value }) => [column, value]), width);
  const moved = new Float32Array(ink.length);
  for (const { value, row, column } of places) moved[(row + down) * width + column + right] = value;
  return moved;
}

function shiftOf(weighted, size) {
  const total = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  if (!total) return 0;
  const centre = weighted.reduce((sum, [at, weight]) => sum + at * weight, 0) / total;
  const all = weighted.map(([at]) => at);
  return Math.min(size - 1 - Math.max(...all), Math.max(-Math.min(...all), Math.round(size / 2 - centre)));
}

/** What a Bernoulli model is given: 1 for ink of one half and more, else 0. */
export function blackAndWhite(ink) {
  return ink.map((value) => (value >= 0.5 ? 1 : 0));
}
