/**
 * The residual stream of a trace read out after every layer, and what each part of the model adds
 * to a token's logit: the numbers of llmlab/views/residual_state.py and llmlab/attribution.py.
 */

import { readings, streamAt } from "./readings.js";
import { arrayRecord } from "./trace.js";
import { readRow } from "./weights.js";

const PARTS = ["attention_output", "feedforward_output"];

/**
 * Pauses as readings does, and after each position.
 * @param {import("./model.js").Trace} trace recorded with "residual", and with PARTS for what they
 *     add
 * @param {{k?: number, helper?: import("./helper.js").Helper | null}} [options] rows of each table,
 *     and who reads out a part of the positions
 * @returns {Generator<void | Promise<boolean>, object>} arrays as objects of the schema:
 *     words, tokens that are named; top (layer + 1, position, k), places in words, and their
 *     probabilities; targets, the tokens that can be followed at each position (those that lead a
 *     row or stand in the last row's table, the winner first), target_counts of them a position,
 *     target_probabilities (target, layer + 1), target_logits (target,); contributions
 *     (target, 2 · layer + 2), or null and the reason as missing: "sum" for a translator, whose
 *     logits are no such sums, "recorded" where the parts were not
 */
export function* lens(trace, { k = 5, helper = null } = {}) {
  const { model, recording } = trace;
  const { transformer } = model;
  const isRecorded = PARTS.every((name) => recording[name]);
  const missing = model.isTranslator ? "sum" : isRecorded ? "" : "recorded";
  const [rows, n] = recording.residual.shape;
  const places = new Map(); // of a row of the embedding in words
  const place = (row) => places.get(row) ?? places.set(row, places.size).get(row);
  const streamOf = (position) => streamAt(recording.residual, position);
  const read = yield* readings(n, streamOf, k, transformer.head, helper);
  const top = new Float32Array(rows * n * k);
  const probabilities = new Float32Array(rows * n * k);
  const found = { targets: [], counts: [], through: [], logits: [], added: [] };
  for (const [position, reading] of read.entries()) {
    for (let row = 0; row < rows; row++) {
      const [from, to] = [row * k, (row + 1) * k];
      const at = (row * n + position) * k;
      reading.top.subarray(from, to).forEach((token, rank) => (top[at + rank] = place(token)));
      probabilities.set(reading.probabilities.subarray(from, to), at);
    }
    found.counts.push(reading.followed.length);
    found.targets.push(...reading.followed.map(place));
    found.logits.push(...reading.logits);
    found.through.push(...reading.through);
    if (!missing) found.added.push(...contributions(trace, reading.followed, position));
    yield;
  }
  const words = Array.from(places.keys(), (row) => model.tokenizer.token(model.idOf(row)));
  const nTargets = found.targets.length;
  return {
    words: words.map(({ text }) => text),
    word_ids: arrayRecord([words.length], words.map(({ id }) => id)),
    top: arrayRecord([rows, n, k], top),
    probabilities: arrayRecord([rows, n, k], probabilities),
    targets: arrayRecord([nTargets], found.targets),
    target_counts: found.counts,
    target_probabilities: arrayRecord([nTargets, rows], found.through),
    target_logits: arrayRecord([nTargets], found.logits),
    contributions: missing ? null : arrayRecord([nTargets, 2 * rows], found.added),
    missing,
  };
}

/**
 * What each part adds to the final logits of some tokens at one position: the embedding, then
 * attention and feed-forward of each layer, then biases, of which these models have none.
 * With the final norm's divisor held, norm and head are one product (Elhage et al., 2021).
 */
function* contributions({ model, recording }, tokens, position) {
  const { transformer } = model;
  const { d_model: d, norm_eps: eps } = transformer.config;
  const weight = transformer.weights["final_norm.weight"];
  const stream = streamAt(recording.residual, position);
  const last = stream.subarray(stream.length - d);
  const square = last.reduce((sum, value) => sum + value * value, 0) / d;
  const scale = 1 / Math.sqrt(square + eps);
  const parts = [stream.subarray(0, d)];
  const added = PARTS.map((name) => streamAt(recording[name], position));
  for (let from = 0; from < added[0].length; from += d) {
    for (const own of added) parts.push(own.subarray(from, from + d));
  }
  const row = new Float32Array(d);
  for (const token of tokens) {
    readRow(transformer.embedding, token, 1, row);
    for (const part of parts) {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += part[i] * weight[i] * row[i];
      yield sum * scale;
    }
    yield 0;
  }
}
