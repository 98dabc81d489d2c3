/** Where generated text ends: stop strings, and characters whose bytes are not all there yet. */

/**
 * Where the first stop string begins; -1 where the text holds none.
 * @param {string} text
 * @param {string[]} stops
 */
export function findStop(text, stops) {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length ? Math.min(...found) : -1;
}

/**
 * The text that tokens add after the token `before`.
 *
 * Decoded alone they might lose the space they begin with, which some tokenizers put before the
 * first word of every text and take away again.
 */
export function continuation(tokenizer, before, ids) {
  const start = tokenizer.decode([before]).length;
  return tokenizer.decode([before, ...ids]).slice(start);
}

/** `continuation` without a last character whose bytes are not all there yet. */
export function readableText(tokenizer, before, ids) {
  const bytes = ids.slice(-8).flatMap((id) => tokenizer.bytes(id));
  let missing = unfinished(bytes);
  let end = ids.length;
  while (missing > 0) missing -= tokenizer.bytes(ids[--end]).length;
  return continuation(tokenizer, before, ids.slice(0, end));
}

/** How many bytes at the end begin a character that needs more of them. */
function unfinished(bytes) {
  for (let n = 1; n <= Math.min(3, bytes.length); n++) {
    const byte = bytes[bytes.length - n];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return n < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? n : 0;
  }
  return 0;
}
