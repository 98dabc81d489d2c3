/** Tokens as a view has them, back as the text that a reader may change. */

// As llmlab/views/attention.py has them.
const BEGINNINGS = ["<bos>", "<s>", "[CLS]", "<|endoftext|>", "<|begin_of_text|>"];
const ENDINGS = ["<eos>", "</s>", "[SEP]"];
const SIGNS = { "·": " ", "⏎": "\n", "⇥": "\t" };

export function hasBeginning(tokens) {
  return tokens.length > 0 && BEGINNINGS.includes(tokens[0].text);
}

/** @param {Array<{text: string}>} tokens as views show them, with signs for what is unseen */
export function textOf(tokens) {
  const own = (hasBeginning(tokens) ? tokens.slice(1) : tokens).filter(
    ({ text }) => !ENDINGS.includes(text),
  );
  return own.map(({ text }) => text.replace(/[·⏎⇥]/gu, (sign) => SIGNS[sign])).join("");
}
