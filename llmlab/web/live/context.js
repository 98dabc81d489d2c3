/** ContextView of two sentences that a reader types, one a line. */

import { textOf } from "./text.js";

const BETWEEN = /[\n/|]+/u;
const ROWS = 5;

export const LABEL = "Two sentences, one a line";

/** A translator reads a source as well. */
export const serves = ({ isTranslator }) => !isTranslator;

/** The stored sentences. */
export function startText(model) {
  return model
    .get("sentences")
    .map((tokens) => textOf(tokens.map((text) => ({ text }))).trim())
    .join("\n");
}

export async function run(engine, text) {
  const sentences = text.split(BETWEEN).map((line) => line.trim()).filter(Boolean);
  if (sentences.length !== 2) {
    throw new Error(`Give two sentences, one a line, not ${sentences.length}.`);
  }
  return { state: await engine.context(sentences, { k: ROWS }) };
}

/** The longest token that both share, of equal ones the last, after the last layer. */
export function choiceIn({ shared, cosines }) {
  const length = (text) => [...text].length;
  const longest = shared.reduce((best, text, i) => {
    return length(text) >= length(shared[best]) ? i : best;
  }, 0);
  return { shown: longest, layer: cosines.shape[1] - 1 };
}
