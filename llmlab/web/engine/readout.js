/**
 * Final norm and head: what a residual stream would say if it were the last.
 */

import { Highest } from "./highest.js";
import { rmsNorm } from "./norm.js";

/**
 * One position's residual stream, read out after every layer.
 * @typedef {object} Reading
 * @property {Int32Array} top (layer + 1, k), rows of the embedding, the most probable first
 * @property {Float32Array} probabilities (layer + 1, k)
 * @property {number[]} followed the rows that lead after some layer or stand in the last layer's
 *     table, the winner first
 * @property {Float32Array} logits (followed,), after the last layer
 * @property {Float32Array} through (followed, layer + 1), their probabilities
 */

/**
 * Reserve the space that a readout of so many vectors works in.
 * @param {import("./memory.js").MemoryPlan} plan
 * @param {{rows: number, columns: number}} embedding
 * @param {number} vectors
 */
export function reserveReadout(plan, { rows, columns }, vectors) {
  return {
    h: plan.reserve(Float32Array, vectors * columns),
    logits: plan.reserve(Float32Array, vectors * rows),
  };
}

export class Readout {
  /**
   * @param {{embedding: import("./kernel.js").Matrix, norm: Float32Array, eps: number}} weights
   * @param {import("./kernel.js").Kernel} kernel
   * @param {{h: Float32Array, logits: Float32Array}} scratch from reserveReadout or
   *     reserveRun, opened
   */
  constructor(weights, kernel, scratch) {
    this.weights = weights;
    this.kernel = kernel;
    this.scratch = scratch;
    this.vocab = weights.embedding.rows;
  }

  /**
   * @param {Float32Array} x (n, d_model)
   * @param {number} n
   * @returns {Float32Array} logits (n, vocab)
   */
  all(x, n) {
    const { vocab, scratch } = this;
    const d = this.weights.embedding.columns;
    const logits = new Float32Array(n * vocab);
    const most = scratch.logits.length / vocab;
    for (let start = 0; start < n; start += most) {
      const end = Math.min(start + most, n);
      logits.set(this.logitsOf(x.subarray(start * d, end * d), end - start), start * vocab);
    }
    return logits;
  }

  /** The same of no more vectors than there is space for; valid until the next call. */
  logitsOf(x, n) {
    const { weights, kernel, scratch } = this;
    rmsNorm(x, weights.norm, weights.eps, scratch.h, n);
    kernel.multiply(weights.embedding, scratch.h, scratch.logits, n);
    return scratch.logits.subarray(0, n * this.vocab);
  }

  /**
   * @param {Float32Array} stream of one position, (layer + 1, d_model)
   * @param {number} k rows of each table
   * @returns {Reading}
   */
  reading(stream, k) {
    const { vocab, kernel } = this;
    const rows = stream.length / this.weights.embedding.columns;
    const logits = this.logitsOf(stream, rows);
    const tables = Array.from({ length: rows }, (_, row) => {
      const own = logits.subarray(row * vocab, (row + 1) * vocab);
      return { own, ...leaders(own, k, kernel) };
    });
    const share = ({ own, normaliser }, token) => Math.exp(own[token] - normaliser);
    const last = tables[rows - 1];
    const followed = [...new Set([...last.best, ...tables.map(({ best }) => best[0])])];
    return {
      top: Int32Array.from(tables.flatMap(({ best }) => best)),
      probabilities: Float32Array.from(
        tables.flatMap((table) => table.best.map((token) => share(table, token))),
      ),
      followed,
      logits: Float32Array.from(followed, (token) => last.own[token]),
      through: Float32Array.from(
        followed.flatMap((token) => tables.map((table) => share(table, token))),
      ),
    };
  }
}

/**
 * The places of the k highest numbers, and the logarithm of the sum of all exponentials.
 * @param {Float32Array} values in the kernel's memory
 * @param {number} k
 * @param {import("./kernel.js").Kernel} kernel
 */
function leaders(values, k, kernel) {
  const highest = new Highest(k);
  for (let i = 0; i < values.length; i++) {
    if (values[i] > highest.least) highest.offer(values[i], i);
  }
  const [most] = highest.values;
  const sum = kernel.sumExponentials(values, most);
  return { best: highest.items, normaliser: most + Math.log(sum) };
}
