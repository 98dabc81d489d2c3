/** Several positions read out, shared between this thread and a helper, where there is one. */

const AHEAD = 2; // positions that a helper has at a time, so that it need not wait for the next

/**
 * Pauses after each position, and hands over a promise where the helper is to be waited for.
 * @param {number} n positions
 * @param {(position: number) => Float32Array} streamOf a position's stream, (layer + 1, d_model);
 *     each call gives a new array
 * @param {number} k rows of each table
 * @param {import("./readout.js").Readout} head
 * @param {import("./helper.js").Helper | null} helper takes positions from the end
 * @returns {Generator<void | Promise<boolean>, Array<import("./readout.js").Reading>>}
 */
export function* readings(n, streamOf, k, head, helper) {
  const found = new Array(n);
  const asked = new Set(); // answers that have not come
  const lost = []; // what a helper that broke had been asked for
  const ask = (position) => {
    const answer = helper
      .read(streamOf(position), k)
      .then((reading) => (found[position] = reading), () => lost.push(position))
      .then(() => asked.delete(answer));
    asked.add(answer);
  };
  for (let from = 0, to = n; from < to; from++) {
    // One position at least is left for this thread beside each that the helper has.
    while (helper && !lost.length && asked.size < AHEAD && to - from > asked.size + 1) ask(--to);
    found[from] = head.reading(streamOf(from), k);
    yield;
  }
  while (asked.size) yield asked.values().next().value;
  for (const position of lost) {
    found[position] = head.reading(streamOf(position), k);
    yield;
  }
  return found;
}

/** One position of an array (layer, position, width), as (layer, width). */
export function streamAt({ shape: [layers, n, width], data }, position) {
  const rows = new Float32Array(layers * width);
  for (let layer = 0; layer < layers; layer++) {
    const from = (layer * n + position) * width;
    rows.set(data.subarray(from, from + width), layer * width);
  }
  return rows;
}
