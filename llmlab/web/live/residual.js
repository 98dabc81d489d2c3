/** ResidualView from a run in the page. */

const MOST_POSITIONS = 32; // as llmlab/views/residual_state.py has it
const ROWS = 5;
const RECORD = ["residual", "attention_output", "feedforward_output"];

/** A translator's logits are no sum of what its layers add. */
export const serves = ({ isTranslator }) => !isTranslator;

export const tokensOf = (model) => model.get("tokens");

export async function run(engine, text) {
  const count = (await engine.tokens(text)).length;
  if (count > MOST_POSITIONS) {
    throw new Error(`The text has ${count} tokens; at most ${MOST_POSITIONS} are shown here.`);
  }
  const { trace, lens, top, spelled } = await engine.trace(text, { record: RECORD, lens: ROWS });
  const state = { model_name: trace.model, tokens: trace.tokens, ...lens };
  return { state, top, spelled };
}

export function choiceIn(state) {
  const [rows, positions] = state.probabilities.shape;
  return { layer: rows - 1, position: positions - 1, target: null };
}
