// How a NetworkView learns: the loss over a table of examples, its gradient by back-propagation,
// and the step. The same numbers as llmlab/lessons/descent.py and PyTorch.

/** d output / d sum of each activation, from the sum and the output; ReLU's at 0 is 0. */
const SLOPES = {
  linear: () => 1,
  relu: (sum) => (sum > 0 ? 1 : 0),
  tanh: (_, output) => 1 - output * output,
  sigmoid: (_, output) => output * (1 - output),
};

/**
 * The mean cross-entropy over a table, in nats, and the gradient of it by every parameter.
 * @param {{rows: number[][], labels: number[]}} table inputs, and the place of each right output
 * @returns {{loss: number, examples: {loss: number, share: number, place: number}[],
 *   gradients: {weights: number[][], biases: number[]}[]}} gradients shaped as the layers; an
 *   example's share is that of its right output, its place the answer's, −1 where undecided
 */
function lossAndGradients(layers, { rows, labels }) {
  const gradients = layers.map(({ weights, biases }) => ({
    weights: weights.map((row) => row.map(() => 0)),
    biases: biases.map(() => 0),
  }));
  const examples = rows.map((row, i) => {
    const computed = runNetwork(layers, row);
    const outputs = computed.at(-1).map((neuron) => neuron.output);
    const { place, shares, logShares } = readOutputs(outputs);
    // Through the logarithm and softmax at once: the share, less one at the right output.
    const slopes = outputs.map((_, j) => (shares[j] - (j === labels[i] ? 1 : 0)) / rows.length);
    addGradients(gradients, layers, computed, slopes);
    return { loss: -logShares[labels[i]], share: shares[labels[i]], place };
  });
  const loss = examples.reduce((sum, example) => sum + example.loss, 0) / examples.length;
  return { loss, examples, gradients };
}

/**
 * Adds one example's part to the gradients: from the outputs back, layer by layer.
 * @param {number[]} slopes d loss / d output, for each neuron of the last layer
 */
function addGradients(gradients, layers, computed, slopes) {
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const { weights, activation } = layers[layer];
    const bySum = computed[layer].map(
      ({ sum, output }, place) => slopes[place] * SLOPES[activation](sum, output),
    );
    const { inputs } = computed[layer][0];
    bySum.forEach((slope, place) => {
      gradients[layer].biases[place] += slope;
      inputs.forEach((input, i) => (gradients[layer].weights[place][i] += slope * input));
    });
    // What feeds several neurons is reached on several paths: their slopes add up.
    slopes = inputs.map((_, i) =>
      bySum.reduce((sum, slope, place) => sum + slope * weights[place][i], 0),
    );
  }
}

/** The layers after one step: new = old − learning rate × gradient. */
function descended(layers, gradients, rate) {
  return layers.map(({ weights, biases, activation }, layer) => ({
    weights: weights.map((row, place) =>
      row.map((weight, i) => weight - rate * gradients[layer].weights[place][i]),
    ),
    biases: biases.map((bias, place) => bias - rate * gradients[layer].biases[place]),
    activation,
  }));
}

/** Whether every parameter is a number that can be gone on with. */
function areFinite(layers) {
  const numbers = layers.flatMap(({ weights, biases }) => [...weights.flat(), ...biases]);
  return numbers.every(Number.isFinite);
}
