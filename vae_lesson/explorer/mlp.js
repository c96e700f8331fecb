/**
 * Linear and ReLU layers from weights that Python sent once.
 *
 * `layers` has one [inputs, outputs, relu] for each linear layer; `values` (Float32Array) has for each its weight
 * matrix, row by row as torch keeps it (outputs x inputs), and then its bias (outputs).
 */
export function buildMlp(layers, values) {
  let at = 0;
  let width = layers[0][0];
  const net = layers.map(([inputs, outputs, relu], index) => {
    if (inputs !== width) throw new Error(`layer ${index + 1} takes ${inputs} numbers, but is given ${width}`);
    width = outputs;
    const weight = values.subarray(at, (at += inputs * outputs));
    const bias = values.subarray(at, (at += outputs));
    return { inputs, outputs, relu, weight, bias, result: new Float32Array(outputs) };
  });
  if (at !== values.length) throw new Error(`the layers need ${at} weights, but ${values.length} came`);
  return net;
}

/** The net's output for one input vector. The array is the net's own and is overwritten by the next call. */
export function forward(net, input) {
  for (const { inputs, outputs, relu, weight, bias, result } of net) {
    for (let row = 0, at = 0; row < outputs; row++) {
      let sum = bias[row];
      for (let column = 0; column < inputs; column++) sum += weight[at++] * input[column];
      result[row] = relu && sum < 0 ? 0 : sum;
    }
    input = result;
  }
  return input;
}

/** The mean image of p(x|z), pixels in [0, 1]: the same for both likelihoods. */
export function decodeMean(net, z) {
  const pixels = forward(net, z);
  for (let i = 0; i < pixels.length; i++) pixels[i] = 1 / (1 + Math.exp(-pixels[i]));
  return pixels;
}
