// The numbers of a TrainingView: runs decoded, what stood at a step, and the axes' scales.

// What is read out, in this order, where it was recorded.
const KEYS = [
  "loss",
  "smoothed",
  "validation_loss",
  "perplexity",
  "bits_per_character",
  "learning_rate",
  "tokens_per_second",
  "gradient_norm",
];
const EVALUATED = new Set(["validation_loss", "perplexity", "bits_per_character"]);

/** Runs with their curves as numbers; NaN where nothing was recorded. */
function decodeRuns(runs) {
  return runs.map((run) => ({
    ...run,
    curves: Object.fromEntries(
      Object.entries(run.curves).map(([name, stored]) => [name, decodeArray(stored).data]),
    ),
  }));
}

/** The keys that at least one run has. */
function recordedKeys(runs) {
  const has = (run, key) => key in run.curves || run.evaluations.some((each) => key in each);
  return KEYS.filter((key) => runs.some((run) => has(run, key)));
}

/** The place of the last entry whose step is not after this one; −1 where all are. */
function placeAt(entries, step, stepOf = (entry) => entry) {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stepOf(entries[middle]) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * What a run had recorded of one key when it was at a step: the last value up to there.
 * @returns {{value: number, at: number} | null} `at` is the value's own step
 */
function valueAt(run, key, step) {
  if (EVALUATED.has(key)) {
    const entries = run.evaluations.filter((each) => key in each);
    const entry = entries[placeAt(entries, step, (each) => each.step)];
    return entry ? { value: entry[key], at: entry.step } : null;
  }
  const place = placeAt(run.steps, step);
  const value = run.curves[key]?.[place];
  return Number.isFinite(value) ? { value, at: run.steps[place] } : null;
}

/** The samples of a run's last checkpoint up to a step, and those of the checkpoint before. */
function samplesAt(run, step) {
  const place = placeAt(run.samples, step, (each) => each.step);
  return place < 0 ? null : { ...run.samples[place], before: run.samples[place - 1]?.texts };
}

/** The points of a key: [steps, values]. */
function pointsOf(run, key) {
  if (!EVALUATED.has(key)) return [run.steps, run.curves[key] ?? []];
  const entries = run.evaluations.filter((each) => key in each);
  return [entries.map((each) => each.step), entries.map((each) => each[key])];
}

/** A scale from numbers to pixels, with the numbers to write along it. */
function scaleOf([low, high], [from, to], isLog, most = 6) {
  const of = isLog ? Math.log10 : (value) => value;
  const [a, b] = [of(low), of(high)];
  const at = (value) => from + ((of(value) - a) / (b - a || 1)) * (to - from);
  return { at, ticks: isLog ? logTicks(low, high) : evenTicks(low, high, most) };
}

/** Round numbers from low to high, about as many as asked for and two at least: one tells no scale. */
function evenTicks(low, high, most) {
  const rough = (high - low || 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [0.5, 1, 2, 5, 10].map((times) => times * power);
  const usual = steps.findIndex((step) => step >= rough);
  const ticks = multiples(low, high, steps[usual]);
  return ticks.length > 1 ? ticks : multiples(low, high, steps[usual - 1]);
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  const within = (values) => values.filter((value) => value >= low && value <= high);
  const [tens, more] = [within(powers), within(powers.flatMap((p) => [p, 2 * p, 5 * p]))];
  if (tens.length > 2) return tens;
  return more.length > 1 ? more : evenTicks(low, high, 4);
}

/** A whole number with its thousands set apart. */
function grouped(value) {
  return value.toLocaleString("en-US");
}
