// A training: its curves over the steps, and how what the model writes changes as it learns.

const LABELS = {
  view: "A training, step by step",
  title: (names) => `The training of ${names.join(", ")}`,
  scale: "Steps",
  scales: { linear: "even", log: "logarithmic" },
  below: "Below",
  names: {
    loss: "training loss",
    smoothed: "training loss, smoothed",
    validation_loss: "validation loss",
    perplexity: "perplexity",
    bits_per_character: "bits per character",
    learning_rate: "learning rate",
    tokens_per_second: "tokens a second",
    gradient_norm: "gradient norm",
  },
  legend: "What the lines and marks mean",
  raw: "training, each step",
  smooth: "training, smoothed",
  validation: "validation",
  several: "Lines: training loss, smoothed. Marks: validation loss.",
  reference: (name, value) => `${value}: ${name}`,
  lossUnit: "loss, nats per token",
  stepUnit: "step",
  chart: "The curves: read them with the arrow keys",
  help:
    "Point at the curves to read them, or focus them: left and right go from point to point, up " +
    "and down between checkpoints; Enter or a click shows the checkpoint nearest to there.",
  at: (step) => `Step ${step}`,
  reading: (key, value) => `${LABELS.names[key]} ${value}`,
  readingAt: (key, value, step) => `${LABELS.names[key]} ${value} (step ${step})`,
  ended: (name, step) => `${name}, ended at step ${step}`,
  thinnedRun: (name, kept, all) => `${name}: ${kept} of ${all}`,
  thinned: (list) =>
    `Recorded points that are drawn: ${list}. These are the first, the last, each curve’s ` +
    "extremes, every checkpoint, and of each stretch between them the least and the greatest " +
    "loss. Only the smoothed line averages.",
  replay: "Checkpoint by checkpoint",
  checkpoint: "Checkpoint",
  stepOf: (moments, i) => `step ${grouped(moments[i])} of ${grouped(moments.at(-1))}`,
  play: "Play",
  pause: "Pause",
  samplesOf: "Samples of",
  numbersCaption: (step) => `The numbers at step ${step}`,
  number: "number",
  reached: "step",
  earlier: (value, step) => `${value} (step ${step})`,
  above: (name) => `validation loss − ${name}`,
  wrote: (name, step) => `What ${name} writes at step ${step}`,
  nothing: "nothing: it stopped at once",
  same: "as at the checkpoint before",
  noneYet: "At this step it had written no sample yet.",
  noSamples: "This run wrote no samples.",
  unknown: "–",
  curveTable: "The curves as a table",
  evaluationTable: "The evaluations as a table",
  sampleTable: "The samples as a table",
  run: "Run",
  step: "Step",
  prompt: "Prompt",
  text: "Text",
};

function render({ model, el }) {
  const runs = decodeRuns(model.get("runs"));
  const [references, moments] = [model.get("references"), model.get("moments")];
  const isSingle = runs.length === 1;
  const keys = recordedKeys(runs);
  const root = viewRoot(el, "training", LABELS.view);
  const losses = trainingChart({ height: 300, isLast: !model.get("below") });
  const below = model.get("below") ? trainingChart({ height: 132, isLast: true }) : null;
  const reading = element("div", { class: "llmlab-reading" });
  const grid = [...new Set([...runs.flatMap((run) => run.steps), ...moments])].sort(
    (a, b) => a - b,
  );
  let place = grid.length - 1;
  let width = CHART.widest;
  let x;

  const goTo = (moment) => save(model, { moment });
  const replay = moments.length ? checkpointReplay(runs, moments, goTo) : null;
  const charts = element(
    "div",
    { class: "llmlab-charts", role: "slider", tabindex: 0, "aria-label": LABELS.chart },
    losses.svg,
    ...(below ? [below.svg] : []),
  );
  furnish(charts, { "aria-valuemin": 0, "aria-valuemax": grid.length - 1 }, []);
  const scale = choice(
    LABELS.scale,
    Object.entries(LABELS.scales).map(([value, label]) => ({ value, label })),
    model.get("scale"),
    (value) => save(model, { scale: value }),
  );
  const belowChoice = choice(
    LABELS.below,
    keys.filter(isBelow).map((value) => ({ value, label: LABELS.names[value] })),
    model.get("below"),
    (value) => save(model, { below: value }),
  );
  const withSamples = runs.flatMap((run, i) => (run.samples.length ? [i] : []));
  const shown = choice(
    LABELS.samplesOf,
    withSamples.map((i) => ({ value: String(i), label: runs[i].name })),
    String(model.get("shown")),
    (value) => save(model, { shown: Number(value) }),
  );
  root.append(
    element("h3", {}, LABELS.title(runs.map((run) => run.name))),
    element("div", { class: "llmlab-row" }, scale.box, ...(below ? [belowChoice.box] : [])),
    legendOf([...legendEntries(runs), ...references.map(referenceEntry)]),
    ...(isSingle ? [] : [element("p", { class: "llmlab-quiet" }, LABELS.several)]),
    charts,
    reading,
    element("p", { class: "llmlab-quiet" }, LABELS.help),
    ...thinnedNote(runs),
    ...(replay
      ? [
          ...replay.parts,
          ...(withSamples.length > 1 ? [element("div", { class: "llmlab-row" }, shown.box)] : []),
          element(
            "div",
            { class: isSingle ? "llmlab-columns" : "" },
            replay.samples,
            replay.numbers,
          ),
        ]
      : []),
    ...tablesOf(runs),
  );

  function draw() {
    const isLog = model.get("scale") === "log";
    const steps = [Math.max(grid[0], isLog ? 1 : 0), Math.max(grid.at(-1), grid[0] + 1)];
    const { at, ticks } = scaleOf(steps, [CHART.left, width - CHART.right], isLog);
    x = { at: (step) => at(isLog ? Math.max(step, 1) : step), ticks };
    const lossLines = isSingle ? [lineOf(runs[0], 0, "loss", "raw")] : [];
    lossLines.push(...runs.map((run, i) => lineOf(run, i, "smoothed", "line")));
    losses.draw({
      width,
      x,
      isLogY: false,
      lines: lossLines,
      marks: runs.map((run, i) => lineOf(run, i, "validation_loss", "mark")),
      references,
      unit: LABELS.lossUnit,
    });
    const key = model.get("below");
    below?.draw({
      width,
      x,
      isLogY: key === "perplexity",
      lines: runs.map((run, i) => lineOf(run, i, key, "line")),
      marks: EVALUATED.has(key) ? runs.map((run, i) => lineOf(run, i, key, "mark")) : [],
      references: [],
      unit: LABELS.names[key],
    });
    scale.input.value = model.get("scale");
    belowChoice.input.value = key;
    read(place);
    showMoment();
  }

  /** Reads the curves at a place of the grid. */
  function read(next) {
    place = Math.min(Math.max(next, 0), grid.length - 1);
    const step = grid[place];
    const dotsOf = (key) =>
      runs.flatMap((run, i) => {
        const found = valueAt(run, key, step);
        return found ? [{ run: i, ...found }] : [];
      });
    losses.read(step, dotsOf("smoothed"));
    below?.read(step, dotsOf(model.get("below")));
    // Of several runs only what is drawn is read out.
    const isDrawn = (key) => !isBelow(key) || key === model.get("below");
    const some = isSingle ? keys : keys.filter(isDrawn);
    const lines = runs.map((run) => readingOf(run, some, step, isSingle));
    reading.replaceChildren(
      element("b", {}, LABELS.at(grouped(step))),
      ...lines.map((line) => element("span", {}, line)),
    );
    const words = `${LABELS.at(grouped(step))}: ${lines.join("; ")}`;
    furnish(charts, { "aria-valuenow": place, "aria-valuetext": words }, []);
  }

  function showMoment() {
    const step = replay ? moments[model.get("moment")] : null;
    losses.mark(step);
    below?.mark(step);
    replay?.show(model.get("moment"), model.get("shown"), references);
    shown.input.value = String(model.get("shown"));
  }

  const choose = () => {
    if (!replay) return;
    replay.stop();
    goTo(nearest(moments, (step) => step, grid[place]));
  };
  readByPointer(charts, {
    place: (pixels) => nearest(grid, (step) => x.at(step), pixels, moments),
    read,
    choose,
  });
  readByKeys(charts, { grid, moments, place: () => place, read, choose });

  const forget = [
    followTheme((theme) => (root.dataset.theme = theme)),
    listen(model, ["scale", "below"], draw),
    listen(model, ["moment", "shown"], showMoment),
    () => replay?.stop(),
  ];
  const measure = new ResizeObserver(([{ contentRect }]) => {
    const next = Math.floor(contentRect.width);
    if (!next || next === width) return; // the height follows from drawing itself
    width = next;
    draw();
  });
  width = Math.floor(charts.clientWidth) || CHART.widest;
  draw();
  measure.observe(charts);
  return () => {
    measure.disconnect();
    forget.forEach((end) => end());
  };
}

export default { render };
