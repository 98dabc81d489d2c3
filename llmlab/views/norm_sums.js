// The arithmetic of a NormView: the same steps as llmlab/norm.py.

/**
 * LayerNorm and RMSNorm of one vector, step by step.
 * @param {{numbers: number[], weight: number[], bias: number[], eps: number}} given
 * @returns {{mean: number, variance: number, meanSquare: number, centred: number[],
 *   standard: number[], layerNorm: number[], unit: number[], rmsNorm: number[]}} `standard` and
 *   `unit` are what the scale multiplies; not a number where 0 is divided by 0
 */
function normalised({ numbers, weight, bias, eps }) {
  const mean = average(numbers);
  const centred = numbers.map((x) => x - mean);
  const variance = average(centred.map((x) => x * x));
  const meanSquare = average(numbers.map((x) => x * x));
  const standard = centred.map((x) => x / Math.sqrt(variance + eps));
  const unit = numbers.map((x) => x / Math.sqrt(meanSquare + eps));
  return {
    mean,
    variance,
    meanSquare,
    centred,
    standard,
    layerNorm: standard.map((x, i) => x * weight[i] + bias[i]),
    unit,
    rmsNorm: unit.map((x, i) => x * weight[i]),
  };
}

function average(numbers) {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

const NOTHING = 1e-9; // what is left where two equal float64 numbers are subtracted

/** A number in a table or a drawing. */
function shown(value, count) {
  if (!Number.isFinite(value)) return LABELS.notANumber;
  return digits(Math.abs(value) < NOTHING ? 0 : value, count);
}
