/**
 * Text to token ids and back, as llmlab/tokenizers has it.
 *
 * @typedef {object} Token
 * @property {number} id
 * @property {string} text what to show; bytes that are no character as "<0xE5>"
 * @property {string} bytes what it stands for in a text, in hexadecimal
 */

import { merge } from "./byte_pair.js";
import { bytesOf, escape, hex, textOf } from "./utf8.js";

/** @param {object} description from the exporter */
export function makeTokenizer(description) {
  const Kind = { "sentencepiece": SentencePiece, "byte-fallback": ByteFallback }[description.kind];
  if (!Kind) throw new Error(`This page has no tokenizer of the kind "${description.kind}".`);
  return new Kind(description);
}

class Tokenizer {
  constructor(description) {
    this.pieces = description.pieces;
    this.prefix = description.prefix;
    this.suffix = description.suffix;
    this.eos = new Set(description.eos);
  }

  /**
   * @param {string} text
   * @param {boolean} [special] with what the model expects around it
   * @returns {number[]}
   */
  encode(text, special = false) {
    const ids = this.cut(text);
    return special ? [...this.prefix, ...ids, ...this.suffix] : ids;
  }

  /** The text of ids, special tokens left out. */
  decode(ids) {
    return textOf(ids.filter((id) => !this.isSpecial(id)).flatMap((id) => this.bytes(id)));
  }

  /** @returns {Token} */
  token(id) {
    const bytes = this.bytes(id);
    const text = this.byteOf.has(id) ? escape(bytes) : textOf(bytes);
    return { id, text, bytes: bytes.map(hex).join("") };
  }
}

/** SentencePiece's byte-pair encoding: the order of ids is the order of merges. */
export class SentencePiece extends Tokenizer {
  constructor(description) {
    super(description);
    this.kinds = description.kinds;
    this.ids = new Map();
    this.byteIds = new Map();
    this.byteOf = new Map();
    /** Special and user-defined tokens, found in a text before anything is merged. */
    this.literals = new Map();
    this.pieces.forEach((piece, id) => {
      const kind = this.kinds[id];
      if (kind === BYTE) {
        this.byteIds.set(parseInt(piece.slice(3, 5), 16), id);
        this.byteOf.set(id, parseInt(piece.slice(3, 5), 16));
      } else if (kind === NORMAL || kind === USER_DEFINED) {
        this.ids.set(piece.replaceAll(" ", "▁"), id);
      }
      const isLiteral = kind === CONTROL || kind === USER_DEFINED;
      if (isLiteral && /[^ ]/u.test(piece)) this.literals.set(piece, id);
    });
    /** @type {Map<string, number[]>} a literal's first character → lengths, the longest first */
    this.lengths = new Map();
    for (const name of this.literals.keys()) {
      const lengths = this.lengths.get(name[0]) ?? [];
      if (!lengths.includes(name.length)) lengths.push(name.length);
      this.lengths.set(name[0], lengths.sort((a, b) => b - a));
    }
  }

  cut(text) {
    const ids = [];
    let start = 0;
    for (let at = 0; at < text.length; ) {
      const lengths = this.lengths.get(text[at]) ?? [];
      const length = lengths.find((n) => this.literals.has(text.slice(at, at + n)));
      if (length === undefined) {
        at++;
        continue;
      }
      ids.push(...this.mergeRun(text.slice(start, at)));
      ids.push(this.literals.get(text.slice(at, at + length)));
      start = at += length;
    }
    return ids.concat(this.mergeRun(text.slice(start)));
  }

  /** A token as the pieces that it is merged from, down to those that are kept. */
  split(id, kept) {
    return this.mergeRun(this.pieces[id], (piece) => kept.has(piece));
  }

  mergeRun(text, isKnown = () => true) {
    const merged = (left, right) => {
      const symbol = left + right;
      const id = this.ids.get(symbol);
      if (id === undefined || !isKnown(id)) return undefined;
      // Of two ways to the same piece the one with the longer left half.
      return { rank: id, order: -bytesOf(left).length, symbol };
    };
    return merge([...text.replaceAll(" ", "▁")], merged).flatMap((symbol) => {
      const id = this.ids.get(symbol);
      const isWhole = id !== undefined && isKnown(id);
      return isWhole ? [id] : bytesOf(symbol).map((byte) => this.byteIds.get(byte));
    });
  }

  bytes(id) {
    if (this.byteOf.has(id)) return [this.byteOf.get(id)];
    return bytesOf(this.pieces[id].replaceAll("▁", " "));
  }

  isSpecial(id) {
    return this.kinds[id] === CONTROL;
  }
}

const [NORMAL, CONTROL, USER_DEFINED, BYTE] = [1, 3, 4, 6]; // GGUF's kinds of tokens

/** Byte-pair encoding of characters; a character that it does not have becomes bytes. */
export class ByteFallback extends Tokenizer {
  constructor(description) {
    super(description);
    this.special = new Set(description.special);
    this.byteIds = description.byte_ids;
    this.byteOf = new Map(this.byteIds.map((id, byte) => [id, byte]));
    this.ids = new Map(this.pieces.map((piece, id) => [piece, id]));
    this.pattern = new RegExp(`(${description.pattern})`, "u");
    this.spaceBefore = description.space_before && new RegExp(description.space_before, "u");
    this.merges = new Map();
    description.merges.forEach(([left, right], rank) => {
      const symbol = this.ids.get(this.pieces[left] + this.pieces[right]);
      this.merges.set(left * this.pieces.length + right, { rank, symbol });
    });
  }

  cut(text) {
    const read = this.spaceBefore?.test(text) ? ` ${text}` : text;
    const merged = (left, right) => this.merges.get(left * this.pieces.length + right);
    return read.split(this.pattern).flatMap((word) => merge(this.symbols(word), merged));
  }

  symbols(word) {
    return Array.from(word).flatMap((character) => {
      const id = this.ids.get(character);
      return id === undefined ? bytesOf(character).map((byte) => this.byteIds[byte]) : [id];
    });
  }

  decode(ids) {
    const text = super.decode(ids);
    return this.spaceBefore && text.startsWith(" ") ? text.slice(1) : text;
  }

  bytes(id) {
    return this.byteOf.has(id) ? [this.byteOf.get(id)] : bytesOf(this.pieces[id]);
  }

  isSpecial(id) {
    return this.special.has(id);
  }
}
