/**
 * RGBA bytes of one image with values in [0, 1], shape [channels, height, width]. A grey image is ink on paper:
 * 1 is black in a light theme and white in a dark one.
 */
export function imagePixels(values, [channels, height, width], dark) {
  const size = height * width;
  const pixels = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      const value = values[channels === 3 ? c * size + i : i];
      pixels[4 * i + c] = 255 * (channels === 3 || dark ? value : 1 - value);
    }
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/** Show one image on a canvas whose pixels are the image's own; CSS scales it. */
export function showImage(canvas, values, shape, dark) {
  const [, height, width] = shape;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(imagePixels(values, shape, dark), width, height), 0, 0);
}

/** A sheet of images on a canvas, `columns` to a row. */
export function showSheet(canvas, images, columns, shape, dark) {
  const [, height, width] = shape;
  Object.assign(canvas, { width: columns * width, height: Math.ceil(images.length / columns) * height });
  const context = canvas.getContext("2d");
  images.forEach((values, i) => {
    const tile = new ImageData(imagePixels(values, shape, dark), width, height);
    context.putImageData(tile, (i % columns) * width, Math.floor(i / columns) * height);
  });
}
