/** AttentionView from a run in the page, and the same run with parts of the model switched off. */

import { windowOf } from "../engine/config.js";
import { hasBeginning } from "./text.js";

const LONGEST = 128; // tokens: a map of more is not drawn while a reader waits
const LONGEST_TRANSLATION = 60; // tokens

/** What is shown: a text's attention to itself, or of a translator the "encoder" or the "cross". */
const kindOf = (model) => model.get("kind") ?? "self";

/** Whether a model has the attention that the view shows. */
export function serves({ isTranslator }, model) {
  return isTranslator === (kindOf(model) !== "self");
}

export const tokensOf = (model) => model.get("source") ?? model.get("tokens");

/**
 * @param {object} engine
 * @param {string} text
 * @param {{model: object, changes?: object}} options
 */
export async function run(engine, text, { model, changes = {} }) {
  const count = (await engine.tokens(text)).length;
  if (count > LONGEST) {
    throw new Error(`The text has ${count} tokens; a map is drawn for at most ${LONGEST}.`);
  }
  const kind = kindOf(model);
  if (kind !== "self") return translation(engine, text, kind);
  const record = ["attention", "scores"];
  const { trace, top, spelled } = await engine.trace(text, { record, changes });
  const { config } = trace;
  const layers = Array.from({ length: config.n_layers }, (_, layer) => windowOf(config, layer));
  const state = {
    ...stateOf(trace, kind, trace.tokens, trace.recorded.attention),
    scores: trace.recorded.scores,
    scale: changes.scale === false ? 1 : config.attention_scale,
    causal: changes.mask !== false,
    windows: layers.map((reach) => (reach === Infinity ? null : reach)),
  };
  return { state, top, spelled };
}

/** The text translated, and where the translator looked as it wrote. */
async function translation(engine, text, kind) {
  const written = await engine.generate(text, { topK: 1, maxNewTokens: LONGEST_TRANSLATION });
  const record = ["cross_attention", "encoder_attention"];
  const { trace } = await engine.trace(written.text, { source: text, record });
  const isCross = kind === "cross";
  const tokens = isCross ? trace.tokens : trace.source;
  const state = {
    ...stateOf(trace, kind, tokens, trace.recorded[`${kind}_attention`]),
    source: isCross ? trace.source : null,
    has_bos: !isCross && hasBeginning(tokens),
  };
  return { state, words: written.text, spelled: written.spelled };
}

function stateOf(trace, kind, tokens, weights) {
  return {
    model_name: trace.model,
    kind,
    tokens,
    source: null,
    has_bos: hasBeginning(tokens),
    weights,
    scores: null,
    causal: false,
    windows: Array(weights.shape[0]).fill(null),
  };
}

/** The reader's choice, kept where the new run has it. */
export function choiceIn(state, model) {
  const [layers, heads, length] = state.weights.shape;
  return {
    layer: Math.min(model.get("layer"), layers - 1),
    head: Math.min(model.get("head"), heads - 1),
    query: length - 1,
  };
}
