/** The float32 numbers in a bytes trait (a DataView), copied so that their place in the message does not matter. */
export function floats(view) {
  if (view.byteLength % 4) throw new Error(`${view.byteLength} bytes are no whole number of float32 values`);
  return new Float32Array(copied(view));
}

/** The uint8 numbers in a bytes trait. */
export function bytes(view) {
  return new Uint8Array(copied(view));
}

function copied(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}
