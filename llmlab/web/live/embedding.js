/** EmbeddingView of words that a reader types. */

const BETWEEN = /[,，、;；\n]+/u;

const MOST_WORDS = 16;

export const serves = () => true;

/** The stored words; a space that belongs to one is kept. */
export function startText(model) {
  return model
    .get("words")
    .map(({ text }) => text.replaceAll("·", " "))
    .join(",");
}

/** The words of a list; of a text that is none, its tokens. */
async function wordsOf(engine, text) {
  const words = text.split(BETWEEN).filter((word) => word.trim());
  if (words.length > 1) return words;
  const tokens = await engine.tokens(text);
  const own = tokens.filter(({ text: piece }) => text.includes(piece)).map((token) => token.text);
  return [...new Set(own)].slice(0, MOST_WORDS);
}

export async function run(engine, text, { model }) {
  const words = await wordsOf(engine, text);
  const neighbours = model.get("words")[0].neighbours.length;
  return { state: await engine.embeddings(words, { neighbours }) };
}

export function choiceIn() {
  return { word: 0 };
}
