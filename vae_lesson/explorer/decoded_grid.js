import { createDecodedSheet } from "./decoded_sheet.js";

const CELLS = 15;

/**
 * The images that a square grid of a plane decodes to. `request(z, axes, dark)` asks for the plane of two latents
 * through z; otherwise as `createDecodedSheet`.
 */
export function createDecodedGrid(net, shape, reach, onReady, signal) {
  const { request, sheet } = createDecodedSheet(net, shape, onReady, signal);
  const middle = (cell) => reach * ((2 * cell + 1) / CELLS - 1);
  return {
    sheet,
    request: (z, axes, dark) => request({
      key: JSON.stringify([z.map((value, latent) => (axes.includes(latent) ? 0 : value)), axes, dark]),
      columns: CELLS,
      rows: CELLS,
      dark,
      at: (column, row) => {
        const point = [...z];
        [point[axes[0]], point[axes[1]]] = [middle(column), -middle(row)];
        return point;
      },
    }),
  };
}
