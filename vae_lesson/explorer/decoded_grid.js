import { imagePixels } from "./images.js";
import { decodeMean } from "./mlp.js";

const CELLS = 15;
const SLICE = 4; // milliseconds of a frame

/**
 * The images that a square grid of a plane decodes to, made a little at a time so that nothing waits for it.
 *
 * `request(z, axes, dark)` asks for the plane of two latents through z; `onReady` is called when a new sheet is there.
 * Returns { request, sheet() }; the sheet is a canvas, or undefined before the first is ready.
 */
export function createDecodedGrid(net, [channels, height, width], reach, onReady, signal) {
  let wanted, sheet;
  let running = false;

  function request(z, axes, dark) {
    const key = JSON.stringify([z.map((value, latent) => (axes.includes(latent) ? 0 : value)), axes, dark]);
    if (key === wanted?.key) return;
    wanted = { key, z, axes, dark };
    if (!running) start();
  }

  function start() {
    running = true;
    const job = wanted;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: CELLS * width, height: CELLS * height });
    const context = canvas.getContext("2d");
    let cell = 0;
    requestAnimationFrame(slice);

    function slice() {
      const end = performance.now() + SLICE;
      while (cell < CELLS * CELLS && performance.now() < end) drawCell(context, job, cell++);
      if (signal.aborted) return;
      if (cell < CELLS * CELLS) {
        requestAnimationFrame(slice);
        return;
      }
      sheet = canvas;
      running = false;
      onReady();
      if (job !== wanted) start();
    }
  }

  function drawCell(context, { z, axes, dark }, cell) {
    const [column, row] = [cell % CELLS, Math.floor(cell / CELLS)];
    const at = [...z];
    at[axes[0]] = reach * ((2 * column + 1) / CELLS - 1);
    at[axes[1]] = -reach * ((2 * row + 1) / CELLS - 1);
    const pixels = imagePixels(decodeMean(net, at), [channels, height, width], dark);
    context.putImageData(new ImageData(pixels, width, height), column * width, row * height);
  }

  return { request, sheet: () => sheet };
}
