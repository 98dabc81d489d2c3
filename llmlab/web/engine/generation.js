/** Generation: one token after another, and a record of how each was chosen. */

import { checkSettings, choose, distribution, draw, tail } from "./sampling.js";
import { continuation, findStop, readableText } from "./stopping.js";
import { runJson, stepRecord, traceRecord } from "./trace.js";

const DEFAULTS = {
  maxNewTokens: 20, temperature: 0.7, topK: null, topP: null, seed: "0",
  stop: [], record: [], candidates: 50, changes: {}, chosen: [],
};

/**
 * Continue a prompt. For a translator the prompt is its source.
 *
 * @param {import("./model.js").Model} model
 * @param {string} prompt
 * @param {object} [options] those of llmlab.generate, and:
 *     changes: of what the model computes; chosen: ids already chosen, to go on from
 * @yields {object | undefined} a Step when there is one, nothing where the page may answer
 * @returns {Generator<object | undefined, object>} at its end the run, without its steps
 */
export function* generate(model, prompt, options = {}) {
  const settings = { ...DEFAULTS, ...options };
  checkSettings(settings);
  const { maxNewTokens, stop, seed, record, changes } = settings;
  const { transformer, tokenizer } = model;
  const source = model.isTranslator ? model.encode(prompt) : null;
  const ids = model.isTranslator ? model.encodeTarget("") : model.encode(prompt);
  const before = ids[ids.length - 1];
  const chosen = [...settings.chosen];
  const end = chosen.length + maxNewTokens;
  const isOver = () => {
    if (chosen.length > 0 && tokenizer.eos.has(chosen[chosen.length - 1])) return "end";
    // Decoding all that was written after every token would take longer the more there is.
    if (stop.length && findStop(readableText(tokenizer, before, chosen), stop) >= 0) return "stop";
    if (chosen.length >= end) return "length";
    return ids.length + chosen.length > transformer.context ? "context" : null;
  };
  transformer.reset();
  let reason;
  while ((reason = isOver()) === null) {
    const isFirst = transformer.length === 0;
    const unread = isFirst ? [...ids, ...chosen] : chosen.slice(-1);
    const run = { source: isFirst && source ? model.rowsOf(source) : null, record, changes };
    const { logits, recording } = yield* transformer.forward(model.rowsOf(unread), run);
    const tokens = () => [...ids, ...chosen].map((id) => tokenizer.token(id));
    const sourceTokens = () => (source ?? []).map((id) => tokenizer.token(id));
    const trace = record.length
      ? traceRecord(model, tokens(), sourceTokens(), lastPosition(recording), model.kept)
      : null;
    const step = makeStep(model, logits, chosen.length, settings, trace);
    chosen.push(step.chosen.id);
    yield step;
  }
  const text = continuation(tokenizer, before, chosen);
  const cut = findStop(text, stop);
  return {
    model: model.name,
    prompt,
    prompt_tokens: model.tokenizer.encode(prompt, true).map((id) => tokenizer.token(id)),
    text: cut >= 0 ? text.slice(0, cut) : text,
    seed: String(seed),
    stop_reason: reason,
    stop,
    n_candidates: settings.candidates,
  };
}

/**
 * The step that these logits make.
 * @param {import("./model.js").Model} model
 * @param {Float32Array} logits
 * @param {number} index
 * @param {object} settings
 * @param {object | null} trace
 */
export function makeStep(model, logits, index, settings, trace = null) {
  const number = draw(settings.seed, index);
  const found = distribution(logits, settings);
  const rank = choose(found, number);
  const ranks = Array.from(found.order.subarray(0, settings.candidates), (_, i) => i);
  if (rank >= settings.candidates) ranks.push(rank);
  const candidates = ranks.map((place) => {
    const row = found.order[place];
    const id = model.idOf(row);
    return {
      id,
      text: model.tokenizer.token(id).text,
      logit: logits[row],
      probability: found.probabilities[place],
      kept: place < found.nKept,
      sampling_probability: found.samplingProbabilities[place],
      cumulative: found.cumulative[place],
    };
  });
  const step = {
    index,
    candidates,
    tail: tail(logits, found.order, new Set(ranks)),
    draw: number,
    chosen: model.tokenizer.token(model.idOf(found.order[rank])),
    trace,
  };
  return stepRecord(step, settings);
}

/** What was recorded of the last position alone: its query or position axis becomes one long. */
function lastPosition(recording) {
  const kept = Object.entries(recording).map(([name, { shape, data }]) => {
    if (name === "encoder_attention") return [name, { shape, data }];
    const [rows, width] = shape.slice(-2);
    const outer = data.length / (rows * width);
    const last = new Float32Array(outer * width);
    for (let i = 0; i < outer; i++) {
      const from = (i * rows + rows - 1) * width;
      last.set(data.subarray(from, from + width), i * width);
    }
    return [name, { shape: [...shape.slice(0, -2), 1, width], data: last }];
  });
  return Object.fromEntries(kept);
}

/** The JSON of a run with its steps. */
export function runRecord(run, steps) {
  return runJson({ ...run, steps });
}
