/**
 * Where a table crosses a level: straight pieces [[x1, y1], [x2, y2]] in units of cells, (0, 0) at its first value.
 *
 * `values` has `columns` numbers to a row. Each cell is looked at by itself (marching squares): where two neighbouring
 * corners lie on either side of the level, the line passes between them.
 */
export function contourPieces(values, columns, level) {
  const pieces = [];
  for (let y = 0; y + 1 < values.length / columns; y++) {
    for (let x = 0; x + 1 < columns; x++) {
      const first = y * columns + x;
      const [a, b] = [values[first] - level, values[first + 1] - level];
      const [c, d] = [values[first + columns + 1] - level, values[first + columns] - level];
      const above = (a > 0) + (b > 0) + (c > 0) + (d > 0);
      if (above % 4) pieces.push(...cellPieces(x, y, [a, b, c, d]));
    }
  }
  return pieces;
}

// The line within one cell; its corners' heights above the level go around it from (x, y).
function cellPieces(x, y, heights) {
  const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
  const crossings = [];
  for (let side = 0; side < 4; side++) {
    const next = (side + 1) % 4;
    if (heights[side] > 0 === heights[next] > 0) continue;
    const way = heights[side] / (heights[side] - heights[next]);
    const [[x1, y1], [x2, y2]] = [corners[side], corners[next]];
    crossings.push([x1 + way * (x2 - x1), y1 + way * (y2 - y1)]);
  }
  if (crossings.length === 2) return [crossings];
  // A saddle: the middle decides whether the hills join or the valleys.
  const [a, b, c, d] = crossings;
  const joined = heights.reduce((sum, height) => sum + height, 0) > 0 === heights[0] > 0;
  return joined ? [[a, b], [c, d]] : [[d, a], [b, c]];
}
