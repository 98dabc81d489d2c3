/**
 * One token in two sentences, as llmlab/views/context_state.py has it: how alike its two vectors
 * are after each layer, and what the head reads in each.
 */

import { rmsNorm } from "./norm.js";
import { dot, unit } from "./principal.js";
import { readings, streamAt } from "./readings.js";
import { arrayRecord } from "./trace.js";

const MOST_TOKENS = 32; // of a sentence
const MOST_SHARED = 8; // tokens to choose from

/**
 * Pauses while the model runs, and as readings does.
 * @param {import("./model.js").Model} model decoder-only
 * @param {[string, string]} sentences
 * @param {{k?: number, helper?: import("./helper.js").Helper | null}} [options] rows of the tables
 *     of leading tokens, and who reads out a part of them
 * @returns {Generator<void | Promise<boolean>, object>} the state of a ContextView
 * @throws {Error} in a sentence, for sentences that are too long or share no token
 */
export function* context(model, sentences, { k = 5, helper = null } = {}) {
  const read = [];
  for (const text of sentences) {
    const trace = yield* model.trace(text, { record: ["residual"] });
    const { length } = trace.tokens;
    if (length > MOST_TOKENS) {
      throw new Error(`A sentence has ${length} tokens; at most ${MOST_TOKENS} are shown here.`);
    }
    read.push(readSentence(trace, text));
  }
  const shared = sharedTokens(read);
  const rows = read[0].stream.shape[0];
  const found = { at: [], cosines: [], others: [], top: [], probabilities: [] };
  const places = new Map(); // of a row of the embedding in words
  const place = (row) => places.get(row) ?? places.set(row, places.size).get(row);
  for (const id of shared) {
    const here = read.map(({ own }) => own.get(id).at(-1));
    found.at.push(...here);
    for (let row = 0; row < rows; row++) {
      const [one, other] = read.map(({ units }, i) => units[row][here[i]]);
      found.cosines.push(dot(one, other));
      const crossed = [...toOthers(one, read[1], row, id), ...toOthers(other, read[0], row, id)];
      found.others.push(crossed.reduce((sum, each) => sum + each, 0) / crossed.length);
    }
  }
  // Each shared token's place in the one sentence and in the other.
  const streamOf = (i) => streamAt(read[i % 2].stream, found.at[i]);
  const { head } = model.transformer;
  for (const reading of yield* readings(found.at.length, streamOf, k, head, helper)) {
    found.top.push(...Array.from(reading.top, place));
    found.probabilities.push(...reading.probabilities);
  }
  const text = (id) => model.tokenizer.token(id).text;
  return {
    model_name: model.name,
    causal: true,
    sentences: read.map(({ tokens }) => tokens.map((token) => token.text)),
    shared: shared.map(text),
    words: Array.from(places.keys(), (row) => text(model.idOf(row))),
    at: arrayRecord([shared.length, 2], found.at),
    cosines: arrayRecord([shared.length, rows], found.cosines),
    others: arrayRecord([shared.length, rows], found.others),
    top: arrayRecord([shared.length, 2, rows, k], found.top),
    probabilities: arrayRecord([shared.length, 2, rows, k], found.probabilities),
  };
}

/** A sentence's stream, its vectors after the final norm, and where its own tokens stand. */
function readSentence({ model, tokens, recording: { residual } }, text) {
  const { weights, config } = model.transformer;
  const [rows, n, d] = residual.shape;
  const normed = new Float32Array(residual.data.length);
  rmsNorm(residual.data, weights["final_norm.weight"], config.norm_eps, normed, rows * n);
  const vectorAt = (row, position) => {
    const from = (row * n + position) * d;
    return unit(normed.subarray(from, from + d));
  };
  const units = Array.from({ length: rows }, (_, row) => {
    return Array.from({ length: n }, (_, position) => vectorAt(row, position));
  });
  const ofText = new Set(model.checked(model.tokenizer.encode(text)));
  const own = new Map(); // positions of each token, special ones such as <bos> left out
  tokens.forEach(({ id }, position) => {
    if (ofText.has(id)) own.set(id, [...(own.get(id) ?? []), position]);
  });
  return { tokens, stream: residual, units, own };
}

function sharedTokens([first, second]) {
  const shared = [...first.own.keys()].filter((id) => second.own.has(id)).slice(0, MOST_SHARED);
  if (!shared.length) throw new Error("The two sentences share no token. Give two that share one.");
  if (first.own.size === 1 && second.own.size === 1) {
    throw new Error("Both sentences are the same token and nothing else. Add some context.");
  }
  return shared;
}

/** Cosines of a token's vector with the other tokens of a sentence. */
function* toOthers(vector, { own, units }, row, id) {
  for (const [other, positions] of own) {
    if (other === id) continue;
    for (const position of positions) yield dot(vector, units[row][position]);
  }
}
