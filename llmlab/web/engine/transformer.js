/**
 * The Transformer: decoder-only and encoder-decoder, as llmlab/transformer.py has it.
 *
 * A run is a generator that pauses after every layer, so that whoever drives it may let the page
 * answer in between, or stop. Rows are positions: x[t · d_model … (t + 1) · d_model).
 */

import { attention } from "./attention.js";
import { LayerCache } from "./cache.js";
import { check, thetaOf, windowOf } from "./config.js";
import { feedforward } from "./feedforward.js";
import { rmsNorm } from "./norm.js";
import { rotary, rotate } from "./positions.js";
import { Readout } from "./readout.js";
import { Recording, shapes } from "./recording.js";
import { readRow } from "./weights.js";

const AT_ONCE = 8; // vectors for which the kernel reads a matrix once

/**
 * @typedef {object} Changes to what the model computes, to see what a part does
 * @property {Array<[number, number]>} [heads] switched off: layer and head
 * @property {boolean} [mask] false: every query sees every position
 * @property {boolean} [scale] false: scores go into the softmax as they are
 */

export class Transformer {
  /**
   * @param {object} config fields of llmlab.TransformerConfig
   * @param {Record<string, object>} weights from readWeights
   * @param {import("./kernel.js").Kernel} kernel
   * @param {Record<string, Float32Array>} scratch from reserveRun, opened
   */
  constructor(config, weights, kernel, scratch) {
    check(config);
    this.config = config;
    this.weights = weights;
    this.kernel = kernel;
    this.scratch = scratch;
    this.embedding = weights["embedding.token.weight"];
    this.vocab = this.embedding.rows;
    const norm = weights["final_norm.weight"];
    const readout = { embedding: this.embedding, norm, eps: config.norm_eps };
    this.head = new Readout(readout, kernel, scratch);
    this.context = scratch.x.length / config.d_model;
    this.hasEncoder = config.architecture === "encoder-decoder";
    const size = [this.context, config.n_kv_heads * config.d_head];
    const caches = () => Array.from({ length: config.n_layers }, () => new LayerCache(...size));
    this.caches = caches();
    this.crossCaches = this.hasEncoder ? caches() : [];
    this.angles = new Map();
    this.reset();
  }

  /** Forget the text that was read. */
  reset() {
    this.rewind(0);
    this.nSource = 0;
  }

  /** Forget all but the first positions. */
  rewind(length) {
    this.length = length;
  }

  /**
   * Read what follows the positions already read.
   * @param {number[]} ids rows of the embedding
   * @param {object} [options]
   * @param {number[]} [options.source] what the encoder reads, at the first run
   * @param {Iterable<string>} [options.record] names out of the schema of traces
   * @param {boolean} [options.lastOnly] logits of the last position only
   * @param {Changes} [options.changes]
   * @returns {Generator<void, {logits: Float32Array, recording: Recording["arrays"]}>}
   */
  *forward(ids, { source = null, record = [], lastOnly = true, changes = {} } = {}) {
    const { config, scratch } = this;
    const n = ids.length;
    const start = this.length;
    if (start + n > this.context) {
      throw new Error(`The text has ${start + n} tokens; there is room for ${this.context}.`);
    }
    if (source) this.nSource = source.length;
    const nLogits = lastOnly ? 1 : n;
    const sizes = { n, nKeys: start + n, nSource: this.nSource, nLogits, vocab: this.vocab };
    const recording = new Recording(record, shapes(config, sizes));
    if (source) yield* this.encode(source, recording, changes);
    const x = this.embed(ids);
    for (let layer = 0; layer < config.n_layers; layer++) {
      recording.layer("residual", layer)?.set(x);
      const run = { layer, prefix: `blocks.${layer}`, n, start, recording, changes };
      this.attend(x, { ...run, cache: this.caches[layer], causal: changes.mask !== false });
      if (this.hasEncoder) this.attendToSource(x, run);
      this.feed(x, run);
      yield;
    }
    recording.layer("residual", config.n_layers)?.set(x);
    this.length = start + n;
    const last = x.subarray((n - nLogits) * config.d_model, n * config.d_model);
    const logits = this.head.all(last, nLogits);
    recording.arrays.logits?.data.set(logits);
    return { logits: logits.slice(-this.vocab), recording: recording.arrays };
  }

  /** The encoder, and from its output each decoder layer's keys and values. */
  *encode(source, recording, changes) {
    const { config, kernel } = this;
    const n = source.length;
    if (n > this.context) {
      throw new Error(`The text has ${n} tokens; there is room for ${this.context}.`);
    }
    const x = this.embed(source);
    for (let layer = 0; layer < config.n_encoder_layers; layer++) {
      const prefix = `encoder_blocks.${layer}`;
      const own = { attention: recording.layer("encoder_attention", layer) };
      const run = { layer, prefix, n, start: 0, recording: { layer: (name) => own[name] } };
      const cache = new LayerCache(n, config.n_kv_heads * config.d_head);
      this.attend(x, { ...run, cache, causal: false, changes: { scale: changes.scale } });
      this.feed(x, run);
      yield;
    }
    rmsNorm(x, this.weights["encoder_final_norm.weight"], config.norm_eps, x, n);
    this.crossCaches.forEach((cache, layer) => {
      const { key, value } = this.named(`blocks.${layer}.cross_attention`);
      this.project(key, value, x, n);
      cache.write(0, this.scratch.key, this.scratch.value, n);
    });
  }

  embed(ids) {
    const { d_model: d, embedding_scale: factor } = this.config;
    const x = this.scratch.x.subarray(0, ids.length * d);
    ids.forEach((id, t) => readRow(this.embedding, id, factor, x.subarray(t * d, (t + 1) * d)));
    return x;
  }

  /** x + attention(norm(x)) */
  attend(x, { layer, prefix, n, start, cache, causal, recording, changes }) {
    const { config, scratch, kernel } = this;
    const part = this.named(`${prefix}.attention`);
    const { n_heads: nHeads, n_kv_heads: nKvHeads, d_head: dHead } = config;
    rmsNorm(x, this.weights[`${prefix}.attention_norm.weight`], config.norm_eps, scratch.h, n);
    kernel.multiply(part.query, scratch.h, scratch.query, n);
    this.project(part.key, part.value, scratch.h, n);
    const { query, key } = scratch;
    if (config.qk_norm) {
      rmsNorm(query, part.query_norm, config.norm_eps, query, n * nHeads);
      rmsNorm(key, part.key_norm, config.norm_eps, key, n * nKvHeads);
    }
    const angles = this.anglesOf(thetaOf(config, layer));
    rotate(query, n, nHeads, dHead, angles, start);
    rotate(key, n, nKvHeads, dHead, angles, start);
    cache.write(start, key, scratch.value, n);
    const window = windowOf(config, layer);
    const nKeys = start + n;
    const visible = (t) => [
      Math.max(0, start + t - window + 1),
      causal ? start + t + 1 : Math.min(nKeys, start + t + window),
    ];
    this.mix(part, { ...changes, layer }, cache, n, nKeys, visible, recording, {
      weights: recording.layer("attention", layer),
      scores: recording.layer("scores", layer),
    });
    this.add(x, `${prefix}.attention`, n, recording.layer("attention_output", layer));
  }

  /** x + attention(norm(x), the encoder's output) */
  attendToSource(x, { layer, prefix, n, recording, changes }) {
    const { config, scratch, kernel } = this;
    const part = this.named(`${prefix}.cross_attention`);
    const norm = this.weights[`${prefix}.cross_attention_norm.weight`];
    rmsNorm(x, norm, config.norm_eps, scratch.h, n);
    kernel.multiply(part.query, scratch.h, scratch.query, n);
    const all = () => [0, this.nSource];
    const own = { scale: changes.scale, layer };
    this.mix(part, own, this.crossCaches[layer], n, this.nSource, all, null, {
      weights: recording.layer("cross_attention", layer),
    });
    this.add(x, `${prefix}.cross_attention`, n);
  }

  /** The heads' mixed values and their way through the output matrix, into scratch.out. */
  mix(part, changes, cache, n, nKeys, visible, recording, kept) {
    const { config, scratch, kernel } = this;
    const { n_heads: nHeads, n_kv_heads: nKvHeads, d_head: dHead } = config;
    const scale = changes.scale === false ? 1 : config.attention_scale;
    const heads = { nHeads, nKvHeads, dHead, scale };
    const { keys, values } = cache;
    attention(heads, scratch.query, keys, values, n, nKeys, visible, scratch.heads, kept);
    for (const [layer, head] of changes.heads ?? []) {
      if (layer === changes.layer) keepHeads(scratch.heads, n, nHeads, dHead, (i) => i !== head);
    }
    const separate = recording?.layer("heads", changes.layer);
    if (separate) this.recordHeads(part, separate, n);
    kernel.multiply(part.output, scratch.heads, scratch.out, n);
  }

  /** What each head adds to the residual stream: the output matrix with that head alone. */
  recordHeads(part, kept, n) {
    const { config, scratch, kernel } = this;
    const { n_heads: nHeads, d_head: dHead, d_model: d } = config;
    const all = scratch.heads.slice(0, n * nHeads * dHead);
    for (let head = 0; head < nHeads; head++) {
      keepHeads(scratch.heads, n, nHeads, dHead, (i) => i === head);
      kernel.multiply(part.output, scratch.heads, scratch.out, n);
      kept.set(scratch.out.subarray(0, n * d), head * n * d);
      scratch.heads.set(all);
    }
  }

  /** x + feedforward(norm(x)) */
  feed(x, { layer, prefix, n, recording }) {
    const { config, scratch } = this;
    const norm = this.weights[`${prefix}.feedforward_norm.weight`];
    rmsNorm(x, norm, config.norm_eps, scratch.h, n);
    const part = this.named(`${prefix}.feedforward`);
    const hidden = feedforward(
      this.kernel, part, config.activation, scratch.h, scratch, scratch.out, n,
    );
    recording.layer("feedforward", layer)?.set(hidden);
    this.add(x, `${prefix}.feedforward`, n, recording.layer("feedforward_output", layer));
  }

  /** The residual sum; what is added has a norm of its own first in a sandwich. */
  add(x, name, n, kept) {
    const { out } = this.scratch;
    const change = out.subarray(0, n * this.config.d_model);
    const norm = this.weights[`${name}_post_norm.weight`];
    if (norm) rmsNorm(change, norm, this.config.norm_eps, change, n);
    kept?.set(change);
    for (let i = 0; i < x.length; i++) x[i] += change[i];
  }

  project(key, value, x, n) {
    this.kernel.multiply(key, x, this.scratch.key, n);
    this.kernel.multiply(value, x, this.scratch.value, n);
  }

  /** The tensors of one part: {query: …, key: …}. */
  named(prefix) {
    const from = (name) => this.weights[`${prefix}.${name}.weight`];
    const names = ["query", "key", "value", "output", "query_norm", "key_norm", "gate", "up", "down"];
    return Object.fromEntries(names.map((name) => [name, from(name)]));
  }

  anglesOf(theta) {
    if (!this.angles.has(theta)) {
      this.angles.set(theta, rotary(this.context, this.config.d_head, theta));
    }
    return this.angles.get(theta);
  }
}

/** Sets the mixed values of all other heads to zero. */
function keepHeads(values, n, nHeads, dHead, isKept) {
  for (let row = 0; row < n * nHeads; row++) {
    if (!isKept(row % nHeads)) values.fill(0, row * dHead, (row + 1) * dHead);
  }
}

/**
 * Reserve the space that a run works in.
 * @param {import("./memory.js").MemoryPlan} plan
 * @param {object} config
 * @param {number} context positions at most
 * @param {number} vocab
 */
export function reserveRun(plan, config, context, vocab) {
  const { d_model: d, d_ff: ff, d_head: dHead, n_heads: heads, n_kv_heads: kvHeads } = config;
  const rows = (columns) => plan.reserve(Float32Array, context * columns);
  return {
    x: rows(d), h: rows(d), out: rows(d), gate: rows(ff), up: rows(ff),
    query: rows(heads * dHead), heads: rows(heads * dHead),
    key: rows(kvHeads * dHead), value: rows(kvHeads * dHead),
    logits: plan.reserve(Float32Array, Math.max(AT_ONCE, config.n_layers + 1) * vocab),
  };
}
