/**
 * Scaled dot-product attention, every weight written out.
 * Source: Vaswani et al. (2017), equation 1; Ainslie et al. (2023) for grouped queries.
 */

/**
 * @typedef {object} Heads
 * @property {number} nHeads of the queries
 * @property {number} nKvHeads a group of query heads shares one
 * @property {number} dHead
 * @property {number} scale
 */

/**
 * The mixed values of n queries.
 *
 * @param {Heads} heads
 * @param {Float32Array} query (n, nHeads, dHead)
 * @param {Float32Array} keys (nKeys, nKvHeads, dHead)
 * @param {Float32Array} values the same
 * @param {number} n
 * @param {number} nKeys
 * @param {(query: number) => [number, number]} visible first and last key, exclusive, of a query
 * @param {Float32Array} out (n, nHeads, dHead)
 * @param {{weights?: Float32Array, scores?: Float32Array}} kept where to write what is recorded,
 *     (nHeads, n, nKeys) each: weights after softmax, scores before scale and mask
 */
export function attention(heads, query, keys, values, n, nKeys, visible, out, kept) {
  const { nHeads, nKvHeads, dHead, scale } = heads;
  const group = nHeads / nKvHeads;
  const weights = new Float64Array(nKeys);
  for (let head = 0; head < nHeads; head++) {
    const shared = Math.floor(head / group) * dHead;
    for (let t = 0; t < n; t++) {
      const q = (t * nHeads + head) * dHead;
      const row = (head * n + t) * nKeys;
      const [first, end] = visible(t);
      const from = kept.scores ? 0 : first;
      const to = kept.scores ? nKeys : end;
      for (let key = from; key < to; key++) {
        weights[key] = dot(query, q, keys, key * nKvHeads * dHead + shared, dHead);
      }
      if (kept.scores) kept.scores.set(weights, row);
      softmax(weights, first, end, scale);
      if (kept.weights) kept.weights.set(weights.subarray(first, end), row + first);
      out.fill(0, q, q + dHead);
      for (let key = first; key < end; key++) {
        addScaled(out, q, values, key * nKvHeads * dHead + shared, weights[key], dHead);
      }
    }
  }
}

function dot(a, i, b, j, length) {
  let even = 0;
  let odd = 0;
  for (let k = 0; k < length; k += 2) {
    even += a[i + k] * b[j + k];
    odd += a[i + k + 1] * b[j + k + 1];
  }
  return even + odd;
}

function addScaled(out, i, values, j, weight, length) {
  for (let k = 0; k < length; k++) out[i + k] += weight * values[j + k];
}

/** The softmax of scale · x[first … end), in place. */
function softmax(x, first, end, scale) {
  let highest = -Infinity;
  for (let i = first; i < end; i++) highest = Math.max(highest, x[i] * scale);
  let total = 0;
  for (let i = first; i < end; i++) {
    x[i] = Math.exp(x[i] * scale - highest);
    total += x[i];
  }
  for (let i = first; i < end; i++) x[i] /= total;
}
