// The masks of a DropoutView and the sums behind them, from the generator that Python uses.

const MASK_64 = (1n << 64n) - 1n;

/**
 * A number in [0, 1): output number `step` of SplitMix64 started with `seed`, its top 53 bits.
 * `llmlab.sampling.draw` has the same lines.
 * @param {number} seed a whole number
 * @param {number} step from 0
 */
function drawnNumber(seed, step) {
  let z = (BigInt(seed) + BigInt(step + 1) * 0x9e3779b97f4a7c15n) & MASK_64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
}

/** What every part of the view reads: the values, the masks, the sums and their averages. */
function dropoutRecord(model) {
  const [values, weights, bias] = ["values", "weights", "bias"].map((name) => model.get(name));
  const count = values.length;
  let drawn = []; // of the seed: value i of mask n has number n · count + i
  let seed = null;
  let known = { p: null, sums: [], averages: [] };
  const numbers = () => {
    if (seed !== model.get("seed")) {
      seed = model.get("seed");
      drawn = [];
      known = { p: null, sums: [], averages: [] };
    }
    while (drawn.length < model.get("draws") * count) drawn.push(drawnNumber(seed, drawn.length));
    return drawn;
  };
  const factorOf = (number, p) => (number < p ? 0 : 1 / (1 - p));
  const sumWith = (factors) =>
    values.reduce((sum, value, i) => sum + value * factors[i] * weights[i], 0) + bias;
  const record = {
    count,
    values,
    weights,
    bias,
    names: model.get("names"),
    neuron: model.get("neuron"),
    get p() {
      return model.get("p");
    },
    get seed() {
      return model.get("seed");
    },
    get draws() {
      return model.get("draws");
    },
    get training() {
      return model.get("training");
    },
    get scale() {
      return 1 / (1 - record.p);
    },
    /** The random number of each value in the mask that is shown. */
    get numbers() {
      return numbers().slice((record.draws - 1) * count, record.draws * count);
    },
    /** What each value is multiplied by now. */
    get factors() {
      if (!record.training) return values.map(() => 1);
      return record.numbers.map((number) => factorOf(number, record.p));
    },
    get sum() {
      return sumWith(record.factors);
    },
    get evaluation() {
      return sumWith(values.map(() => 1));
    },
    /** The sum with each mask so far, and the average after each. */
    get history() {
      const all = numbers();
      const { p, draws } = record;
      if (known.p !== p) known = { p, sums: [], averages: [] };
      const { sums, averages } = known;
      let total = sums.reduce((a, b) => a + b, 0);
      for (let n = sums.length; n < draws; n++) {
        const factors = values.map((_, i) => factorOf(all[n * count + i], p));
        sums.push(sumWith(factors));
        total += sums[n];
        averages.push(total / (n + 1));
      }
      return { sums: sums.slice(0, draws), averages: averages.slice(0, draws) };
    },
    get average() {
      return record.history.averages.at(-1);
    },
  };
  return record;
}

/** As many digits as Python's picture and rows have. */
function fourDigits(value) {
  return digits(value, 4);
}
