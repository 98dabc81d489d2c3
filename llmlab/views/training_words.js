// What a TrainingView says in words: its legend, its reading, what was left out of the drawing.

const isBelow = (key) => !["loss", "smoothed", "validation_loss"].includes(key);

function lineOf(run, place, key, kind) {
  const [xs, ys] = pointsOf(run, key);
  return { run: place, kind, xs, ys };
}

/** One run: a line for each of its curves; several: each with its line and its mark. */
function legendEntries(runs) {
  const has = (run, key) => pointsOf(run, key)[1].length > 0;
  if (runs.length > 1) {
    const kinds = { smoothed: "line", validation_loss: "mark" };
    return runs.map((run, i) => ({
      run: i,
      kinds: Object.keys(kinds).flatMap((key) => (has(run, key) ? kinds[key] : [])),
      words: run.name,
    }));
  }
  const all = [
    ["loss", "raw", LABELS.raw],
    ["smoothed", "line", LABELS.smooth],
    ["validation_loss", "mark", LABELS.validation],
  ];
  return all
    .filter(([key]) => has(runs[0], key))
    .map(([, kind, words]) => ({ run: 0, kinds: [kind], words }));
}

const referenceEntry = ({ name, value }) => ({
  run: 0,
  kinds: ["reference"],
  words: LABELS.reference(name, digits(value, 4)),
});

/** How many points are drawn, where that is not all of them, and which. */
function thinnedNote(runs) {
  const some = runs.filter((run) => run.steps.length < run.recorded);
  if (!some.length) return [];
  const list = some.map((run) =>
    LABELS.thinnedRun(run.name, grouped(run.steps.length), grouped(run.recorded)),
  );
  return [element("p", { class: "llmlab-quiet" }, LABELS.thinned(list.join(", ")))];
}

/** A run's values at a step, in words. */
function readingOf(run, keys, step, isSingle) {
  const last = Math.max(run.steps.at(-1) ?? 0, run.evaluations.at(-1)?.step ?? 0);
  const values = keys.flatMap((key) => {
    const found = valueAt(run, key, step);
    if (!found) return [];
    const value = digits(found.value);
    const isOwn = !EVALUATED.has(key) || found.at === step;
    return isOwn ? LABELS.reading(key, value) : LABELS.readingAt(key, value, grouped(found.at));
  });
  const name = step > last ? LABELS.ended(run.name, grouped(last)) : run.name;
  const words = values.join(", ") || LABELS.unknown;
  return isSingle ? words : `${name}: ${words}`;
}
