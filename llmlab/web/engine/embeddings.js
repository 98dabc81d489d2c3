/**
 * Words as vectors, as llmlab/embeddings.py and llmlab/views/embedding.py have them: the mean of
 * their tokens' rows of the table, how alike these are, what lies near, and a map.
 */

import { Highest } from "./highest.js";
import { dot, principal, unit } from "./principal.js";
import { arrayRecord } from "./trace.js";
import { readRow } from "./weights.js";

const ROWS_AT_ONCE = 1024; // of the table, after which the page may answer
const MOST_WORDS = 16;

/**
 * @param {import("./model.js").Model} model
 * @param {string[]} words
 * @param {{neighbours?: number}} [options] nearest tokens of each
 * @returns {Generator<void, object>} the state of an EmbeddingView
 * @throws {Error} in a sentence, for fewer than 2 words or more than 16, or one twice
 */
export function* embeddings(model, words, { neighbours = 8 } = {}) {
  if (words.length < 2 || words.length > MOST_WORDS) {
    throw new Error(`Give 2 to ${MOST_WORDS} different words, not ${words.length}.`);
  }
  const repeated = words.find((word, i) => words.indexOf(word) !== i);
  if (repeated) throw new Error(`“${repeated}” stands there twice; give each word once.`);
  const { tokenizer } = model;
  const ids = words.map((word) => model.checked(tokenizer.encode(word)));
  const units = words.map((word) => unit(vectorOf(model, word)));
  const found = yield* nearest(model, units, ids, neighbours);
  const near = found.map((rows) =>
    rows.map(({ row, cosine }) => ({ ...tokenizer.token(model.idOf(row)), cosine })),
  );
  const places = placesOf(words, near, model);
  const texts = [...places.keys()];
  const { points, variance } = principal(
    texts.map((text) => vectorOf(model, text)),
  );
  const n = words.length;
  return {
    model_name: model.name,
    dimensions: model.config.d_model,
    words: words.map((text, i) => ({
      text,
      tokens: ids[i].map((id) => tokenizer.token(id).text),
      neighbours: near[i].map(({ id, text, cosine }) => ({ id, text, cosine })),
    })),
    cosines: arrayRecord([n, n], units.flatMap((a) => units.map((b) => clamp(dot(a, b))))),
    points: points.map(([x, y], i) => {
      return { text: texts[i], x, y, word: i < n ? i : null, near: places.get(texts[i]) };
    }),
    explained_variance: variance,
  };
}

/** The k rows of the table nearest to each vector, its own tokens left out. */
function* nearest(model, units, ids, k) {
  const { embedding, vocab, config } = model.transformer;
  const best = units.map(() => new Highest(k));
  const own = ids.map((each) => new Set(model.rowsOf(each)));
  const values = new Float32Array(config.d_model);
  for (let row = 0; row < vocab; row++) {
    readRow(embedding, row, 1, values);
    const length = Math.max(Math.sqrt(dot(values, values)), 1e-12);
    units.forEach((vector, i) => {
      if (own[i].has(row)) return;
      const cosine = clamp(dot(values, vector) / length);
      best[i].offer(cosine, { row, cosine });
    });
    if (row % ROWS_AT_ONCE === 0) yield;
  }
  return best.map(({ items }) => items);
}

/**
 * What the map shows, the words first, and the words that each is near to. A neighbour is drawn
 * where its text is that one token again; what the tokenizer would split is in the table alone.
 */
function placesOf(words, near, model) {
  const places = new Map(words.map((text) => [text, []]));
  near.forEach((others, i) => {
    for (const { id, text } of others) {
      const again = model.tokenizer.encode(text);
      const isWhole = again.length === 1 && again[0] === id;
      if (!places.has(text) && isWhole) places.set(text, []);
      places.get(text)?.push(i);
    }
  });
  return places;
}

/** The mean of the rows of a text's tokens. */
function vectorOf(model, text) {
  const ids = model.checked(model.tokenizer.encode(text));
  return mean(
    model.rowsOf(ids).map((row) => {
      const values = new Float32Array(model.config.d_model);
      readRow(model.transformer.embedding, row, 1, values);
      return values;
    }),
  );
}

function mean(vectors) {
  return vectors[0].map((_, i) => vectors.reduce((sum, each) => sum + each[i], 0) / vectors.length);
}

function clamp(cosine) {
  return Math.min(Math.max(cosine, -1), 1);
}
