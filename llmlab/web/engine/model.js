/** A language model in the browser: its tokenizer, its Transformer, and what a page asks of it. */

import { check } from "./config.js";
import { generate } from "./generation.js";
import { makeKernel, reserveScratch } from "./kernel.js";
import { MemoryPlan, open } from "./memory.js";
import { distribution } from "./sampling.js";
import { ByteStream } from "./stream.js";
import { makeTokenizer } from "./tokenizer.js";
import { traceRecord } from "./trace.js";
import { reserveRun, Transformer } from "./transformer.js";
import { readWeights, reserveWeights } from "./weights.js";

const FORMAT = "llmlab.web/1";

/**
 * Where a model's files come from.
 * @typedef {object} Source
 * @property {object} manifest model.json
 * @property {() => Promise<object>} tokenizer its description
 * @property {() => AsyncIterable<Uint8Array>} parts of the weights, checked, still compressed
 * @property {() => Promise<BufferSource | null>} kernel kernel.wasm; null: plain JavaScript
 */

/**
 * @param {Source} source
 * @returns {Promise<Model>}
 * @throws {Error} in a sentence for the reader
 */
export async function loadModel({ manifest, tokenizer, parts, kernel }) {
  if (manifest.format !== FORMAT) {
    throw new Error(`The model is of format ${manifest.format}; this page reads ${FORMAT}.`);
  }
  const { config, context, tensors } = manifest;
  check(config);
  const vocab = tensors.find(({ name }) => name === "embedding.token.weight").rows;
  const plan = new MemoryPlan();
  const places = reserveWeights(plan, tensors);
  const widest = Math.max(config.d_model, config.d_ff, config.n_heads * config.d_head);
  const integers = reserveScratch(plan, context * widest);
  const run = reserveRun(plan, config, context, vocab);
  const memory = plan.allocate();
  const scratch = Object.fromEntries(
    Object.entries(run).map(([name, place]) => [name, open(memory, place)]),
  );
  const [weights, description, products] = await Promise.all([
    readWeights(places, memory, new ByteStream(parts())),
    tokenizer(),
    kernel().then((bytes) => makeKernel(bytes, memory, integers)),
  ]);
  const transformer = new Transformer(config, weights, products, scratch);
  return new Model(manifest, transformer, makeTokenizer(description));
}

export class Model {
  constructor(manifest, transformer, tokenizer) {
    this.name = manifest.name;
    this.config = manifest.config;
    this.transformer = transformer;
    this.tokenizer = tokenizer;
    /** @type {number[] | null} the id of each row of the embedding; null: the row itself */
    this.kept = manifest.kept;
    this.rows = this.kept && new Map(this.kept.map((id, row) => [id, row]));
    this.isTranslator = manifest.config.architecture === "encoder-decoder";
  }

  /**
   * The ids that the network reads for a text.
   * @throws {Error} for an empty text, or one that is too long
   */
  encode(text) {
    if (!text) throw new Error("The text is empty; type at least one character.");
    return this.checked(this.tokenizer.encode(text, true));
  }

  /** What the decoder of a translator reads where it has written this text so far. */
  encodeTarget(text) {
    return this.checked([this.tokenizer.prefix[0], ...this.tokenizer.encode(text)]);
  }

  /**
   * Ids that the network has room and rows for. A token that was left out of the page is read in
   * smaller pieces, as `spelled` then says.
   */
  checked(ids) {
    const known = ids.flatMap((id) => (this.has(id) ? [id] : this.tokenizer.split(id, this.rows)));
    const { context } = this.transformer;
    if (known.length > context) {
      throw new Error(
        `The text has ${known.length} tokens; there is room for ${context}. Shorten it.`,
      );
    }
    return known;
  }

  has(id) {
    return !this.rows || this.rows.has(id);
  }

  /**
   * The tokens of a text that were left out of the page, and what is read in their place.
   * @returns {Array<{token: object, pieces: object[]}>}
   */
  spelled(text) {
    const { tokenizer } = this;
    const missing = new Set(tokenizer.encode(text).filter((id) => !this.has(id)));
    return Array.from(missing, (id) => ({
      token: tokenizer.token(id),
      pieces: tokenizer.split(id, this.rows).map((piece) => tokenizer.token(piece)),
    }));
  }

  /** Rows of the embedding for ids. */
  rowsOf(ids) {
    return this.rows ? ids.map((id) => this.rows.get(id)) : ids;
  }

  idOf(row) {
    return this.kept ? this.kept[row] : row;
  }

  /**
   * Read a text once and keep what was asked for.
   * @param {string} text for a translator what it has written so far, which may be empty
   * @param {{record?: string[], source?: string, changes?: object}} [options]
   * @returns {Generator<void, Trace>}
   */
  *trace(text, { record = ["attention", "residual", "logits"], source, changes } = {}) {
    const sourceIds = this.isTranslator ? this.encode(source) : null;
    const ids = this.isTranslator ? this.encodeTarget(text) : this.encode(text);
    this.transformer.reset();
    const lastOnly = !record.includes("logits");
    const options = { source: sourceIds && this.rowsOf(sourceIds), record, changes, lastOnly };
    const { logits, recording } = yield* this.transformer.forward(this.rowsOf(ids), options);
    return new Trace(this, ids, sourceIds ?? [], logits, recording);
  }

  /** See generation.js. */
  generate(prompt, options) {
    return generate(this, prompt, options);
  }

  /**
   * The k most probable tokens of one row of logits.
   * @returns {Array<{id: number, text: string, logit: number, probability: number}>}
   */
  top(logits, k) {
    const { order, probabilities } = distribution(logits, { temperature: 1, topK: null, topP: null });
    return Array.from(order.subarray(0, k), (row, rank) => {
      const id = this.idOf(row);
      const { text } = this.tokenizer.token(id);
      return { id, text, logit: logits[row], probability: probabilities[rank] };
    });
  }
}

/** What one run did with one text. */
export class Trace {
  constructor(model, ids, sourceIds, logits, recording) {
    this.model = model;
    this.tokens = ids.map((id) => model.tokenizer.token(id));
    this.source = sourceIds.map((id) => model.tokenizer.token(id));
    this.logits = logits; // of the last position
    this.recording = recording;
  }

  /** The next-token table after the last position. */
  top(k = 10) {
    return this.model.top(this.logits, k);
  }

  /** As the schema of traces has it. */
  toRecord() {
    const { model, tokens, source, recording } = this;
    return traceRecord(model, tokens, source, recording, model.kept);
  }
}
