/**
 * The parts of a model's file as one stream of bytes: each part is checked and unpacked by itself.
 */

/**
 * @typedef {object} Part
 * @property {string} file its name beside the manifest
 * @property {number} bytes of the file
 * @property {string} sha256 of the file, in hexadecimal
 */

/**
 * A part's bytes, if they are what the manifest says.
 * @param {Part} part
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>} the same
 * @throws {Error} in a sentence for the reader
 */
export async function checked(part, bytes) {
  if (bytes.length !== part.bytes) {
    throw new Error(
      `A part of the model is cut short: ${part.file} has ${bytes.length} bytes, not ${part.bytes}.`,
    );
  }
  // Browsers have no digest on pages from http hosts other than localhost.
  if (!globalThis.crypto?.subtle) return bytes;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== part.sha256) {
    throw new Error(`A part of the model is altered: ${part.file} does not fit its checksum.`);
  }
  return bytes;
}

/** Bytes that come in pieces, read in lengths that the reader chooses. */
export class ByteStream {
  /** @param {AsyncIterable<Uint8Array>} parts compressed by gzip, in their order */
  constructor(parts) {
    this.pieces = unpacked(parts);
    this.piece = new Uint8Array(0);
    this.at = 0;
  }

  /**
   * Fill `out` with the next bytes.
   * @param {Uint8Array} out
   * @throws {Error} where the stream ends before that
   */
  async readInto(out) {
    let filled = 0;
    while (filled < out.length) {
      if (this.at === this.piece.length && !(await this.next())) {
        throw new Error("The model's file is shorter than its manifest says.");
      }
      const n = Math.min(out.length - filled, this.piece.length - this.at);
      out.set(this.piece.subarray(this.at, this.at + n), filled);
      filled += n;
      this.at += n;
    }
  }

  /** @throws {Error} where bytes are left that nobody asked for */
  async end() {
    if (this.at < this.piece.length || (await this.next())) {
      throw new Error("The model's file is longer than its manifest says.");
    }
  }

  async next() {
    do {
      const { value, done } = await this.pieces.next();
      if (done) return false;
      this.piece = value;
      this.at = 0;
    } while (this.piece.length === 0);
    return true;
  }
}

async function* unpacked(parts) {
  for await (const part of parts) {
    const stream = new Blob([part]).stream().pipeThrough(new DecompressionStream("gzip"));
    const reader = stream.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      yield value;
    }
  }
}
