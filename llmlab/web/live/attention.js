/** AttentionView from a run in the page, and the same run with parts of the model switched off. */

import { windowOf } from "../engine/config.js";
import { hasBeginning } from "./text.js";

const LONGEST = 128; // tokens: a map of more is not drawn while a reader waits
const RECORD = ["attention", "scores"];

export const tokensOf = (model) => model.get("tokens");

/**
 * @param {object} engine
 * @param {string} text
 * @param {{changes?: object}} [options]
 */
export async function run(engine, text, { changes = {} } = {}) {
  const count = (await engine.tokens(text)).length;
  if (count > LONGEST) {
    throw new Error(`The text has ${count} tokens; a map is drawn for at most ${LONGEST}.`);
  }
  const { trace, top, spelled } = await engine.trace(text, { record: RECORD, changes });
  return { state: stateOf(trace, changes), top, spelled };
}

function stateOf({ model, config, tokens, recorded }, changes) {
  const layers = Array.from({ length: config.n_layers }, (_, layer) => windowOf(config, layer));
  return {
    model_name: model,
    tokens,
    has_bos: hasBeginning(tokens),
    weights: recorded.attention,
    scores: recorded.scores,
    scale: changes.scale === false ? 1 : config.attention_scale,
    causal: changes.mask !== false,
    windows: layers.map((reach) => (reach === Infinity ? null : reach)),
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
