/** Traces, steps and runs as llmlab/trace.schema.json describes them. */

/** @typedef {import("./tokenizer.js").Token} Token */

const BYTES_AT_ONCE = 0x8000; // arguments that a function call takes

/**
 * Numbers as {"shape", "dtype", "data"}: base64 of little-endian float32.
 * @param {number[]} shape
 * @param {Float32Array | number[]} values
 */
export function arrayRecord(shape, values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  const bytes = new Uint8Array(view.buffer);
  let binary = "";
  for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
    binary += String.fromCharCode(...bytes.subarray(at, at + BYTES_AT_ONCE));
  }
  return { shape, dtype: "float32", data: btoa(binary) };
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
