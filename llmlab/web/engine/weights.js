/**
 * A model's weights: places for them in memory, and the stream that fills these.
 *
 * The stream holds the tensors in the manifest's order. A matrix is its integers, row by row, one
 * byte each, and then its scales as the model's own file has them, so that nothing is rounded.
 */

import { open } from "./memory.js";

/**
 * Bytes of scales: how a format stores them, and how they are read.
 * @type {Record<string, {bytes: (blocks: number) => number, hasMinimums: boolean,
 *     read: (stored: DataView, scales: Float32Array, minimums?: Float32Array) => void}>}
 */
const SCALES = {
  float32: {
    bytes: (blocks) => 4 * blocks,
    hasMinimums: false,
    read(stored, scales) {
      for (let i = 0; i < scales.length; i++) scales[i] = stored.getFloat32(4 * i, true);
    },
  },
  float16: {
    bytes: (blocks) => 2 * blocks,
    hasMinimums: false,
    read(stored, scales) {
      for (let i = 0; i < scales.length; i++) scales[i] = float16(stored.getUint16(2 * i, true));
    },
  },
  // GGUF's Q6_K: 16 signed bytes and a float16 that they are multiplied with.
  q6_k: {
    bytes: (blocks) => (18 * blocks) / 16,
    hasMinimums: false,
    read(stored, scales) {
      for (let i = 0; i < scales.length; i++) {
        const at = 18 * (i >> 4);
        scales[i] = float16(stored.getUint16(at + 16, true)) * stored.getInt8(at + (i & 15));
      }
    },
  },
  // GGUF's Q4_K: two float16, then eight scales and eight minimums of six bits each in 12 bytes.
  q4_k: {
    bytes: (blocks) => (16 * blocks) / 8,
    hasMinimums: true,
    read(stored, scales, minimums) {
      for (let i = 0; i < scales.length; i++) {
        const at = 16 * (i >> 3);
        const [scale, minimum] = sixBits((k) => stored.getUint8(at + 4 + k), i & 7);
        scales[i] = float16(stored.getUint16(at, true)) * scale;
        minimums[i] = float16(stored.getUint16(at + 2, true)) * minimum;
      }
    },
  },
};

/** The scale and the minimum of run j of a Q4_K block. Source: ggml-quants.c. */
function sixBits(byte, j) {
  if (j < 4) return [byte(j) & 63, byte(j + 4) & 63];
  const both = byte(j + 4);
  return [(both & 15) | ((byte(j - 4) >> 6) << 4), (both >> 4) | ((byte(j) >> 6) << 4)];
}

/** A float16 from its bits. */
export function float16(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 0 ? fraction * 2 ** -24
    : exponent === 31 ? (fraction ? NaN : Infinity)
    : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

/**
 * Reserve a place for each tensor of a manifest.
 * @param {import("./memory.js").MemoryPlan} plan
 * @param {Array<object>} tensors of the manifest
 */
export function reserveWeights(plan, tensors) {
  return tensors.map((tensor) => {
    if (!tensor.scales) return { tensor, vector: plan.reserve(Float32Array, tensor.length) };
    const blocks = (tensor.rows * tensor.columns) / tensor.width;
    const { hasMinimums } = SCALES[tensor.scales];
    return {
      tensor,
      weights: plan.reserve(Int8Array, tensor.rows * tensor.columns),
      scales: plan.reserve(Float32Array, blocks),
      minimums: hasMinimums ? plan.reserve(Float32Array, blocks) : null,
    };
  });
}

/**
 * Read every tensor of the stream into its place.
 * @param {ReturnType<typeof reserveWeights>} places
 * @param {WebAssembly.Memory} memory
 * @param {import("./stream.js").ByteStream} stream
 * @returns {Promise<Record<string, Float32Array | import("./kernel.js").Matrix>>} by name
 */
export async function readWeights(places, memory, stream) {
  const weights = {};
  for (const place of places) {
    const { tensor } = place;
    if (place.vector) {
      const vector = open(memory, place.vector);
      await stream.readInto(new Uint8Array(memory.buffer, vector.byteOffset, vector.byteLength));
      weights[tensor.name] = vector;
      continue;
    }
    const { rows, columns, width } = tensor;
    const matrix = { rows, columns, width, weights: open(memory, place.weights) };
    await stream.readInto(new Uint8Array(memory.buffer, place.weights.start, rows * columns));
    matrix.scales = open(memory, place.scales);
    if (place.minimums) matrix.minimums = open(memory, place.minimums);
    const format = SCALES[tensor.scales];
    const stored = new Uint8Array(format.bytes(matrix.scales.length));
    await stream.readInto(stored);
    format.read(new DataView(stored.buffer), matrix.scales, matrix.minimums);
    weights[tensor.name] = matrix;
  }
  await stream.end();
  return weights;
}

/**
 * One row of a matrix in float32, such as a token's embedding.
 * @param {import("./kernel.js").Matrix} matrix
 * @param {number} row
 * @param {number} factor that each entry is multiplied with
 * @param {Float32Array} out (columns)
 */
export function readRow(matrix, row, factor, out) {
  const { columns, width, weights, scales, minimums } = matrix;
  const blocks = columns / width;
  for (let i = 0; i < columns; i++) {
    const block = row * blocks + Math.floor(i / width);
    const minimum = minimums ? minimums[block] : 0;
    out[i] = (weights[row * columns + i] * scales[block] - minimum) * factor;
  }
}
