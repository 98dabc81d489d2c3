/**
 * What a run keeps of itself, under the names and in the shapes of the schema of traces.
 */

/**
 * @param {object} config fields of llmlab.TransformerConfig
 * @param {{n: number, nKeys: number, nSource: number, nLogits: number, vocab: number}} size of
 *     this run: positions read, keys they can see, source positions, positions read out, columns
 * @returns {Record<string, number[]>} name → shape
 */
export function shapes(config, { n, nKeys, nSource, nLogits, vocab }) {
  const { n_layers: layers, n_heads: heads, d_model: d, d_ff: ff } = config;
  return {
    attention: [layers, heads, n, nKeys],
    scores: [layers, heads, n, nKeys],
    heads: [layers, heads, n, d],
    feedforward: [layers, n, ff],
    residual: [layers + 1, n, d],
    attention_output: [layers, n, d],
    feedforward_output: [layers, n, d],
    cross_attention: [layers, heads, n, nSource],
    encoder_attention: [config.n_encoder_layers, heads, nSource, nSource],
    logits: [nLogits, vocab],
  };
}

export class Recording {
  /**
   * @param {Iterable<string>} names out of those that `shapes` has
   * @param {Record<string, number[]>} known from `shapes`
   * @throws {Error} for a name that is not there
   */
  constructor(names, known) {
    /** @type {Record<string, {shape: number[], data: Float32Array}>} */
    this.arrays = {};
    for (const name of names) {
      const shape = known[name];
      if (!shape) {
        throw new Error(`cannot record "${name}"; choose from ${Object.keys(known).join(", ")}`);
      }
      const length = shape.reduce((product, size) => product * size, 1);
      this.arrays[name] = { shape, data: new Float32Array(length) };
    }
  }

  /** Where one layer's values go; undefined where they were not asked for. */
  layer(name, layer) {
    const array = this.arrays[name];
    if (!array) return undefined;
    const size = array.data.length / array.shape[0];
    return array.data.subarray(layer * size, (layer + 1) * size);
  }
}
