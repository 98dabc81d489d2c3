/**
 * UTF-8 with nothing lost. A lone surrogate, which JavaScript's strings may hold, has the three
 * bytes it would have; a byte that is no part of a character is shown as itself: "<0xE5>".
 */

/** @returns {number[]} the bytes of a text */
export function bytesOf(text) {
  const bytes = [];
  for (const character of text) {
    const code = character.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  return bytes;
}

function tail(code) {
  return 0x80 | (code & 0x3f);
}

/** @returns {string} the text of bytes */
export function textOf(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    if (length > 0) {
      text += String.fromCodePoint(codeAt(bytes, at, length));
      at += length;
    } else {
      // As Python's decoder reports errors: the beginning of a character in one piece.
      const end = at + Math.max(1, -length);
      text += escape(bytes.slice(at, end));
      at = end;
    }
  }
  return text;
}

/** Every byte written out: "<0xE5><0xAD>". */
export function escape(bytes) {
  return Array.from(bytes, (byte) => `<0x${hex(byte).toUpperCase()}>`).join("");
}

/** Two hexadecimal digits. */
export function hex(byte) {
  return byte.toString(16).padStart(2, "0");
}

/** The length of the character that begins here; minus the bytes of one that is not whole. */
function characterAt(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return -1;
  for (let i = 1; i < length; i++) {
    const [low, high] = i === 1 ? secondByte(first) : [0x80, 0xbf];
    const byte = bytes[at + i];
    if (byte === undefined || byte < low || byte > high) return -i;
  }
  return length;
}

/** Which bytes may follow the first: no code has a longer spelling than it needs. */
function secondByte(first) {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xf0) return [0x90, 0xbf];
  if (first === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}

function codeAt(bytes, at, length) {
  if (length === 1) return bytes[at];
  let code = bytes[at] & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) code = (code << 6) | (bytes[at + i] & 0x3f);
  return code;
}
