/** Traces, steps and runs as llmlab/trace.schema.json describes them. */

/** @typedef {import("./tokenizer.js").Token} Token */

const BYTES_AT_ONCE = 0x8000; // arguments that a function call takes

/**
 * Numbers as {"shape", "dtype", "data"}: base64 of float32, little-endian as every processor is
 * that runs a browser.
 * @param {number[]} shape
 * @param {Float32Array | number[]} values
 */
export function arrayRecord(shape, values) {
  const { buffer, byteOffset, byteLength } =
    values instanceof Float32Array ? values : Float32Array.from(values);
  return { shape, dtype: "float32", data: base64(new Uint8Array(buffer, byteOffset, byteLength)) };
}

function base64(bytes) {
  if (bytes.toBase64) return bytes.toBase64(); // browsers since 2025
  let binary = "";
  for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
    binary += String.fromCharCode.apply(null, bytes.subarray(at, at + BYTES_AT_ONCE));
  }
  return btoa(binary);
}

/**
 * @param {{name: string, config: object}} model
 * @param {Token[]} tokens
 * @param {Token[]} source
 * @param {Record<string, {shape: number[], data: Float32Array}>} recording
 * @param {number[] | null} kept ids of the logits' columns; null: all
 */
export function traceRecord(model, tokens, source, recording, kept) {
  const arrays = Object.entries(recording).map(([name, { shape, data }]) => {
    return [name, arrayRecord(shape, data)];
  });
  const record = {
    format: "llmlab.trace/1",
    model: model.name,
    config: model.config,
    tokens,
    source,
    recorded: Object.fromEntries(arrays),
  };
  return kept && recording.logits ? { ...record, vocabulary: kept } : record;
}

/**
 * @param {{index: number, candidates: object[], tail: {logits: number[], counts: number[]},
 *     draw: number, chosen: Token, trace: object | null}} step
 * @param {import("./sampling.js").Settings} settings
 */
export function stepRecord({ tail, ...step }, { temperature, topK, topP }) {
  return {
    format: "llmlab.step/1",
    ...step,
    tail: {
      logits: arrayRecord([tail.logits.length], tail.logits),
      counts: arrayRecord([tail.counts.length], tail.counts),
    },
    temperature,
    top_k: topK,
    top_p: topP,
  };
}

/**
 * A run as JSON. The seed may have more digits than JavaScript's numbers, so it is written as text.
 * @param {object} run its fields, and its seed as a string
 * @returns {string}
 */
export function runJson({ seed, ...run }) {
  const text = JSON.stringify({ format: "llmlab.run/1", ...run });
  return `${text.slice(0, -1)}, "seed": ${BigInt(seed)}}`;
}
