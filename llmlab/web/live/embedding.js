/** EmbeddingView of words that a reader types. */

const BETWEEN = /[,，、;；\n]+/u;

export const tokensOf = () => [];

/** The stored words; a space that belongs to one is kept. */
export function startText(model) {
  return model
    .get("words")
    .map(({ text }) => text.replaceAll("·", " "))
    .join(",");
}

export async function run(engine, text, { model }) {
  const words = text.split(BETWEEN).filter((word) => word.trim());
  const neighbours = model.get("words")[0].neighbours.length;
  return { state: await engine.embeddings(words, { neighbours }) };
}

export function choiceIn() {
  return { word: 0 };
}
