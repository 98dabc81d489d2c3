/**
 * Temperature, top-k, top-p, and the draw that chooses a token: the numbers of llmlab.generate.
 *
 * @typedef {object} Settings
 * @property {number} temperature above 0
 * @property {number | null} topK keep so many; null: all
 * @property {number | null} topP keep the first that reach this mass; null: all
 */

const BINS_PER_LOGIT = 16;
const LAST_BIN = 4096; // logits more than 256 below the highest share the last bin
const MASK = (1n << 64n) - 1n;

/**
 * A number in [0, 1) from a seed and a step: output number `step` of SplitMix64 (Steele, Lea and
 * Flood, 2014), its top 53 bits.
 * @param {bigint | number | string} seed 0 … 2^64 - 1
 * @param {number} step
 */
export function draw(seed, step) {
  let z = (BigInt(seed) + BigInt(step + 1) * 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  z ^= z >> 31n;
  return Number(z >> 11n) / 2 ** 53;
}

/**
 * @param {Settings & {seed: bigint | number | string}} settings
 * @throws {Error} in a sentence, for a setting out of range
 */
export function checkSettings({ temperature, topK, topP, seed }) {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new Error(`The temperature must be a number above 0, not ${temperature}.`);
  }
  if (topK !== null && !(Number.isInteger(topK) && topK >= 1)) {
    throw new Error(`Top-k must be a whole number from 1, not ${topK}.`);
  }
  if (topP !== null && !(topP > 0 && topP <= 1)) {
    throw new Error(`Top-p must be above 0 and at most 1, not ${topP}.`);
  }
  if (!/^\d{1,20}$/u.test(String(seed)) || BigInt(seed) > MASK) {
    throw new Error(`The seed must be a whole number from 0 to 2^64 - 1, not ${seed}.`);
  }
}

/**
 * One row of logits in falling order, ties by rising index, with what the filters make of it.
 * @param {Float32Array} logits
 * @param {Settings} settings
 */
export function distribution(logits, { temperature, topK, topP }) {
  const order = sorted(logits);
  const highest = logits[order[0]];
  const weight = (t) => {
    const weights = new Float64Array(order.length);
    for (let rank = 0; rank < weights.length; rank++) {
      weights[rank] = Math.exp((logits[order[rank]] - highest) / t);
    }
    return weights;
  };
  const weights = weight(temperature);
  let nKept = order.length;
  if (topK !== null) {
    const kth = logits[order[Math.min(topK, nKept) - 1]];
    if (topK === 1) nKept = 1;
    else while (logits[order[nKept - 1]] < kth) nKept--;
  }
  if (topP !== null && topP < 1) {
    const limit = topP * sum(weights, nKept);
    let before = 0;
    let n = 0;
    while (n < nKept && (n === 0 || before < limit)) before += weights[n++];
    nKept = n;
  }
  const total = sum(weights, nKept);
  let mass = 0;
  const cumulative = weights.map((w, rank) => (mass += rank < nKept ? w / total : 0));
  const ones = temperature === 1 ? weights : weight(1);
  const whole = sum(ones, ones.length);
  return {
    order,
    nKept,
    cumulative,
    probabilities: ones.map((w) => w / whole),
    samplingProbabilities: weights.map((w, rank) => (rank < nKept ? w / total : 0)),
  };
}

/** The rank of the first token whose cumulative sampling probability exceeds the draw. */
export function choose({ cumulative, nKept }, number) {
  let low = 0;
  let high = nKept - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The logits that are not among the candidates, as a histogram of bins 1/16 of a logit wide.
 * @param {Float32Array} logits
 * @param {Uint32Array} order of falling logits
 * @param {Set<number>} ranks of the candidates
 * @returns {{logits: number[], counts: number[]}} of each bin that is not empty, falling
 */
export function tail(logits, order, ranks) {
  const highest = logits[order[0]];
  const counts = new Uint32Array(LAST_BIN + 1);
  const sums = new Float64Array(LAST_BIN + 1);
  for (let rank = 0; rank < order.length; rank++) {
    const logit = logits[order[rank]];
    if (ranks.has(rank) || !Number.isFinite(logit)) continue;
    const distance = Math.fround(Math.fround(highest - logit) * BINS_PER_LOGIT);
    const bin = Math.min(LAST_BIN, Math.floor(distance));
    counts[bin] += 1;
    sums[bin] += logit;
  }
  const filled = [...counts.keys()].filter((bin) => counts[bin] > 0);
  return {
    logits: filled.map((bin) => sums[bin] / counts[bin]),
    counts: filled.map((bin) => counts[bin]),
  };
}

/** Indices by falling logit. A key of bits and index in one number sorts without a function. */
function sorted(logits) {
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  const keys = new Float64Array(logits.length);
  for (let i = 0; i < keys.length; i++) {
    // Of a positive float32 the bits rise with it, of a negative one they fall.
    const rising = bits[i] < 0 ? -(bits[i] & 0x7fffffff) : bits[i];
    keys[i] = -rising * 2 ** 20 + i;
  }
  keys.sort();
  const order = new Uint32Array(keys.length);
  for (let rank = 0; rank < order.length; rank++) {
    order[rank] = keys[rank] - Math.floor(keys[rank] / 2 ** 20) * 2 ** 20;
  }
  return order;
}

function sum(values, n) {
  let total = 0;
  for (let i = 0; i < n; i++) total += values[i];
  return total;
}
