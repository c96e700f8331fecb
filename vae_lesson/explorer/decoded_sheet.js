import { imagePixels } from "./images.js";
import { decodeMean } from "./mlp.js";

const SLICE = 4; // milliseconds of a frame

/**
 * A sheet of decoded images, made a little at a time so that nothing waits for it.
 *
 * `request({ key, columns, rows, at(column, row), dark })` asks for the images at the points that `at` gives; a request
 * with the key of the last is the same. `onReady` is called when a new sheet is there. Returns { request, sheet() };
 * the sheet is a canvas, or undefined before the first is ready.
 */
export function createDecodedSheet(net, [channels, height, width], onReady, signal) {
  let wanted, sheet;
  let running = false;

  function request(job) {
    if (job.key === wanted?.key) return;
    wanted = job;
    if (!running) start();
  }

  function start() {
    running = true;
    const job = wanted;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: job.columns * width, height: job.rows * height });
    const context = canvas.getContext("2d");
    let cell = 0;
    requestAnimationFrame(slice);

    function slice() {
      const end = performance.now() + SLICE;
      while (cell < job.columns * job.rows && performance.now() < end) drawCell(context, job, cell++);
      if (signal.aborted) return;
      if (cell < job.columns * job.rows) {
        requestAnimationFrame(slice);
        return;
      }
      sheet = canvas;
      running = false;
      onReady();
      if (job !== wanted) start();
    }
  }

  function drawCell(context, { columns, at, dark }, cell) {
    const [column, row] = [cell % columns, Math.floor(cell / columns)];
    const pixels = imagePixels(decodeMean(net, at(column, row)), [channels, height, width], dark);
    context.putImageData(new ImageData(pixels, width, height), column * width, row * height);
  }

  return { request, sheet: () => sheet };
}
