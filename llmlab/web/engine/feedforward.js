/** The gated feed-forward network: down(activation(gate(x)) · up(x)). Source: Shazeer (2020). */

/**
 * @param {import("./kernel.js").Kernel} kernel
 * @param {{gate: object, up: object, down: object}} weights
 * @param {"silu" | "gelu_tanh"} activation
 * @param {Float32Array} x (n, d_model)
 * @param {{gate: Float32Array, up: Float32Array}} scratch (n, d_ff) each
 * @param {Float32Array} out (n, d_model)
 * @param {number} n
 * @returns {Float32Array} the activations between the projections, (n, d_ff), in the scratch space
 */
export function feedforward(kernel, weights, activation, x, scratch, out, n) {
  const { gate, up } = scratch;
  kernel.multiply(weights.gate, x, gate, n);
  kernel.multiply(weights.up, x, up, n);
  const length = n * weights.up.rows;
  kernel.activate(activation, gate, up, length);
  kernel.multiply(weights.down, gate, out, n);
  return gate.subarray(0, length);
}
