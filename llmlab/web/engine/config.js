/** Which Transformers the engine computes. */

const NEEDED = {
  norm: ["rmsnorm"],
  norm_placement: ["pre", "sandwich"],
  activation: ["silu", "gelu_tanh"],
  gated: [true],
  positions: ["rotary"],
  attention_bias: [false],
  output_bias: [false],
  feedforward_bias: [false],
  tied_embeddings: [true],
  embedding_norm: [false],
  head_bias: [false],
  head_transform: [false],
  rope_scaling: [null],
  n_token_types: [0],
  architecture: ["decoder", "encoder-decoder"],
};

/**
 * @param {object} config fields of llmlab.TransformerConfig
 * @throws {Error} for a shape that the engine does not compute
 */
export function check(config) {
  for (const [field, served] of Object.entries(NEEDED)) {
    if (!served.includes(config[field])) {
      const found = JSON.stringify(config[field]);
      throw new Error(`The engine computes ${field} of ${served.join(" or ")}, not ${found}.`);
    }
  }
}

/** How many keys a query of this layer reaches, itself included; Infinity: all of them. */
export function windowOf(config, layer) {
  const isGlobal = config.sliding_window === null || config.global_layers.includes(layer);
  return isGlobal ? Infinity : config.sliding_window;
}

/** Theta of this layer's rotary positions. */
export function thetaOf(config, layer) {
  const isLocal = windowOf(config, layer) < Infinity && config.rope_theta_local !== null;
  return isLocal ? config.rope_theta_local : config.rope_theta;
}
