// The arithmetic of a NetworkView: the same sums in the same order as llmlab/lessons/network.py.

const ACTIVATE = {
  linear: (sum) => sum,
  relu: (sum) => Math.max(sum, 0),
  tanh: Math.tanh,
  sigmoid: (sum) => 0.5 + 0.5 * Math.tanh(0.5 * sum),
};

/**
 * Every neuron's computation, layer by layer.
 * @param {{weights: number[][], biases: number[], activation: string}[]} layers
 * @param {number[]} inputs
 * @returns {{inputs: number[], products: number[], sum: number, output: number}[][]}
 */
function runNetwork(layers, inputs) {
  return layers.map(({ weights, biases, activation }) => {
    const given = inputs;
    const neurons = weights.map((row, place) => {
      const products = row.map((weight, i) => given[i] * weight);
      const sum = products.reduce((total, product) => total + product) + biases[place];
      return { inputs: given, products, sum, output: ACTIVATE[activation](sum) };
    });
    inputs = neurons.map((neuron) => neuron.output);
    return neurons;
  });
}

/**
 * Which name the outputs stand for: the largest of several, the sign of a single one.
 * @returns {{place: number, shares: number[], logShares: number[]}} place −1 where undecided;
 *   shares by softmax, a single output z standing for the pair (z, 0); their logarithms are there
 *   for shares that are too small to hold, too
 */
function readOutputs(outputs) {
  const values = outputs.length === 1 ? [outputs[0], 0] : outputs;
  const largest = Math.max(...values);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const total = exponentials.reduce((sum, each) => sum + each);
  const winners = values.flatMap((value, i) => (value === largest ? [i] : []));
  return {
    place: winners.length === 1 ? winners[0] : -1,
    shares: exponentials.map((each) => each / total),
    logShares: values.map((value) => value - largest - Math.log(total)),
  };
}

/** The layers with one weight or, where `source` is null, one bias changed. */
function withParameter(layers, layer, place, source, value) {
  const copy = structuredClone(layers);
  if (source === null) copy[layer].biases[place] = value;
  else copy[layer].weights[place][source] = value;
  return copy;
}

/** Layers from all parameters in a row: each layer's weights, then its biases. */
function withParameters(layers, parameters) {
  let at = 0;
  return layers.map(({ weights, biases, activation }) => ({
    weights: weights.map((row) => row.map(() => parameters[at++])),
    biases: biases.map(() => parameters[at++]),
    activation,
  }));
}

/** A number for a small place: three digits or, below 1, so many; 3e−4 if it is tiny. */
function shortDigits(value, count) {
  const size = Math.abs(value);
  if (size && (size < 0.001 || size >= 1e5)) return value.toExponential(0).replace(/-/g, "−");
  return digits(value, size < 1 ? count : Math.max(3, Math.floor(Math.log10(size)) + 1));
}
