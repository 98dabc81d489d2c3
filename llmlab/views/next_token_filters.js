// Temperature, then top-k, then top-p, over the recorded logits of a step, as sampling.py does it.

/**
 * @typedef {{temperature: number, topK: number | null, topP: number | null}} Settings
 * @typedef {{logit: number, count: number, row: number}} Group tokens of one logit; row −1: a bin
 * @typedef {{afterTemperature: number, kept: boolean, cutBy: string, sampling: number,
 *   cumulative: number | null}} Row
 */

/** A recorded step with its arrays decoded and its tokens grouped in order of falling logit. */
export function readStep(state) {
  const logits = decodeArray(state.logits).data;
  const binLogits = decodeArray(state.tail.logits).data;
  const binCounts = decodeArray(state.tail.counts).data;
  const groups = [...logits].map((logit, row) => ({ logit, count: 1, row }));
  binLogits.forEach((logit, i) => groups.push({ logit, count: binCounts[i], row: -1 }));
  // A stable sort: of equal logits the candidate of the lower id stays first.
  groups.sort((a, b) => b.logit - a.logit);
  const settings = { temperature: state.temperature, topK: state.top_k, topP: state.top_p };
  const others = binCounts.reduce((sum, count) => sum + count, 0);
  return { ...state, logits, groups, settings, others };
}

/** p over the whole vocabulary, untouched by any setting; exact, the normaliser is recorded. */
export function probability(step, row) {
  return Math.exp(step.logits[row] - step.logits[0]) / step.mass;
}

/**
 * The distribution that is drawn from under other settings.
 * @param {Settings} settings
 * @returns {{rows: Row[], keptTokens: number, restKept: number, restSampling: number,
 *   drawn: number}} rows as the candidates; rest: what is not listed; drawn: the candidate that
 *   the step's draw falls on, −1 where that token is not listed
 */
export function refilter(step, settings) {
  const { temperature } = settings;
  const topK = settings.topK ?? Infinity;
  const topP = settings.topP ?? 1;
  const recorded = same(settings, step.settings);
  const weights = step.groups.map(({ logit }) => Math.exp((logit - step.logits[0]) / temperature));
  const sum = (counts) => counts.reduce((total, count, i) => total + count * weights[i], 0);
  const all = step.groups.map(({ count }) => count);

  const afterK = keepTopK(step.groups, topK);

  // Top-p keeps a token while the mass before it is below p; so the first one always stays.
  const limit = topP * sum(afterK);
  let before = 0;
  const kept = afterK.map((count, i) => {
    const fitting = topP < 1 ? Math.ceil((limit - before) / weights[i]) : count;
    const taken = Math.min(count, Math.max(fitting, i === 0 ? 1 : 0));
    before += count * weights[i];
    return taken;
  });

  const total = sum(all);
  const keptMass = recorded ? step.kept_mass : sum(kept);
  const rows = [];
  let cumulative = 0;
  let restKept = 0;
  let drawn = null;
  step.groups.forEach(({ row }, i) => {
    // At the recorded settings what Python kept and summed is what counts, not the histogram.
    if (recorded && row >= 0) kept[i] = row < step.kept || row >= step.listed ? 1 : 0;
    const sampling = (kept[i] * weights[i]) / keptMass;
    cumulative += sampling;
    if (drawn === null && kept[i] && cumulative > step.draw) drawn = row;
    if (row < 0) restKept += kept[i];
    else {
      rows[row] = {
        afterTemperature: weights[i] / total,
        kept: kept[i] > 0,
        cutBy: kept[i] ? "" : afterK[i] ? "top-p" : "top-k",
        sampling,
        cumulative: kept[i] ? cumulative : null,
      };
    }
  });
  if (recorded && rows.length > step.listed && rows.at(-1).kept) {
    rows.at(-1).cumulative = step.last_cumulative;
  }
  const keptTokens = kept.reduce((total, count) => total + count, 0);
  const restSampling = restKept
    ? Math.max(0, 1 - rows.reduce((sum, row) => sum + row.sampling, 0))
    : 0;
  return { rows, keptTokens, restKept, restSampling, drawn: recorded ? step.drawn : (drawn ?? -1) };
}

/**
 * How many tokens of each group are among the k highest; with k above 1, equals of the k-th stay.
 */
function keepTopK(groups, k) {
  let left = k;
  let kth = -Infinity;
  return groups.map(({ logit, count, row }) => {
    if (left <= 0) return k > 1 && row >= 0 && logit === kth ? 1 : 0;
    const taken = Math.min(count, left);
    left -= taken;
    kth = logit;
    return taken;
  });
}

function same(a, b) {
  return a.temperature === b.temperature && a.topK === b.topK && (a.topP ?? 1) === (b.topP ?? 1);
}
