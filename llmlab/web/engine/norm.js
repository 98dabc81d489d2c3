/** Root-mean-square normalisation. Source: Zhang and Sennrich (2019), equation 4. */

/**
 * Normalises `rows` vectors of `weight.length` entries each; `out` may be `x` itself.
 * @param {Float32Array} x
 * @param {Float32Array} weight
 * @param {number} eps
 * @param {Float32Array} out
 * @param {number} rows
 */
export function rmsNorm(x, weight, eps, out, rows) {
  const d = weight.length;
  for (let start = 0; start < rows * d; start += d) {
    let squares = 0;
    for (let i = start; i < start + d; i++) squares += x[i] * x[i];
    const scale = 1 / Math.sqrt(squares / d + eps);
    for (let i = 0; i < d; i++) out[start + i] = x[start + i] * scale * weight[i];
  }
}
