// Dropout on one layer. The page draws the masks, from the generator that Python uses, and adds up
// what reaches the next neuron. Its parts are in the files beside this one.

const MOST_DRAWS = 10000;

const LABELS = {
  view: "Dropout: draw a mask",
  about: (count, neuron) =>
    `${count} values, as the layer hands them on. A mask drops some of them and makes the others ` +
    `larger; what is left goes with its weight into one sum, at ${neuron}.`,
  mode: "Mode",
  modes: { training: "training: with masks", evaluation: "evaluation: no mask" },
  p: "p, the probability to be dropped",
  seed: "Seed",
  draw: (count) => (count === 1 ? "Draw a mask" : `Draw ${count}`),
  again: "Start over",
  columns: { before: "value", after: "after the mask", nextShort: "sum" },
  layer: (dropped, scale, neuron, sum) =>
    `${dropped.length ? `Dropped: ${dropped.join(", ")}` : "Nothing is dropped"}. ` +
    `The others are multiplied by ${scale}. The sum at ${neuron} is ${sum}. ` +
    "The table below has every number.",
  legend: "Crossed out: dropped, 0. Dashed line: a product below zero. Thick: a large product.",
  drawn: (draw, dropped, count, sum, average, masks, evaluation) =>
    `Mask ${draw}: ${dropped} of ${count} dropped, sum ${sum}. Average of ${masks}: ${average}. ` +
    `Evaluation mode gives ${evaluation}.`,
  masks: (count) => (count === "1" ? "1 mask" : `${count} masks`),
  whole: (sum) => `Evaluation mode: nothing is dropped or scaled. The sum is ${sum}, every time.`,
  full: (most) => `${most} masks are drawn; start over for others.`,
  sumAxis: (neuron) => `sum at ${neuron}`,
  drawsAxis: "masks drawn",
  chartLegend: "Dots: one mask each. Line: their average so far. Dashed: evaluation mode.",
  chart: (draws, average, evaluation) =>
    `The sum with each of ${draws} masks as dots. Their average is ${average}; the dashed line, ` +
    `evaluation mode, is at ${evaluation}.`,
  twin: "These numbers as a table",
  twinCaption: (p, draw, seed) =>
    `Mask ${draw} of seed ${seed}: dropped where the random number is below p = ${p}`,
  twinWhole: "Evaluation mode: every factor is 1",
  twinColumns: ["From", "Value", "Random number", "Factor", "After", "Weight", "Product"],
  dropped: "dropped",
  bias: "bias",
  sum: "sum",
};

function layerTwin(record) {
  const { factors, training } = record;
  const numbers = training ? record.numbers : [];
  const rows = record.values.map((value, i) => [
    record.names[i],
    fourDigits(value),
    training ? numbers[i].toFixed(4) : "",
    factors[i] === 0 ? `0, ${LABELS.dropped}` : fourDigits(factors[i]),
    fourDigits(value * factors[i]),
    fourDigits(record.weights[i]),
    fourDigits(value * factors[i] * record.weights[i]),
  ]);
  const blank = ["", "", "", "", ""];
  rows.push([LABELS.bias, ...blank, fourDigits(record.bias)]);
  rows.push([LABELS.sum, ...blank, fourDigits(record.sum)]);
  const caption = training
    ? LABELS.twinCaption(fourDigits(record.p), grouped(record.draws), record.seed)
    : LABELS.twinWhole;
  return scrollBox(LABELS.twin, dataTable({ caption, columns: LABELS.twinColumns, rows }));
}

function render({ model, el }) {
  const record = dropoutRecord(model);
  const root = viewRoot(el, "dropout", LABELS.view);
  const live = liveLine();
  const button = (label, click) => element("button", { type: "button", click }, label);
  const more = [1, 10, 100].map((count) =>
    button(LABELS.draw(count), () =>
      save(model, { draws: Math.min(model.get("draws") + count, MOST_DRAWS), training: true }),
    ),
  );
  const again = button(LABELS.again, () => save(model, { draws: 1 }));
  const p = slider(
    LABELS.p,
    { min: 0, max: 0.95, step: 0.05, value: model.get("p"), format: fourDigits },
    (value) => save(model, { p: value }),
  );
  const seed = element("input", {
    type: "number",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    step: 1,
    inputmode: "numeric",
    input: () => {
      const value = seed.valueAsNumber;
      const fits = Number.isSafeInteger(value) && value >= 0;
      seed.setAttribute("aria-invalid", !fits);
      if (fits) save(model, { seed: value, draws: 1 });
    },
    change: () => draw(true),
  });
  const mode = choice(
    LABELS.mode,
    Object.entries(LABELS.modes).map(([value, label]) => ({ value, label })),
    "training",
    (value) => save(model, { training: value === "training" }),
  );
  const layer = layerDrawing(record);
  const chart = averageChart(record);
  const layerBox = element("div", { class: "drawn" }, layer.node);
  const chartBox = element("div", { class: "drawn" }, chart.node);
  const average = element(
    "div",
    {},
    chartBox,
    element("p", { class: "llmlab-quiet" }, LABELS.chartLegend),
  );
  const twin = disclosure(LABELS.twin, () => layerTwin(record));
  root.append(
    element("h3", {}, LABELS.view),
    element("p", { class: "llmlab-quiet" }, LABELS.about(record.count, record.neuron)),
    element(
      "div",
      { class: "controls" },
      mode.box,
      p.box,
      element("label", { class: "llmlab-control" }, LABELS.seed, " ", seed),
    ),
    element("div", { class: "controls" }, more, again),
    live,
    layerBox,
    element("p", { class: "llmlab-quiet" }, LABELS.legend),
    average,
    twin,
  );

  const words = () => {
    if (!record.training) return LABELS.whole(fourDigits(record.evaluation));
    const draws = grouped(record.draws);
    const dropped = record.factors.filter((factor) => factor === 0).length;
    const [sum, average, evaluation] = [record.sum, record.average, record.evaluation].map(
      fourDigits,
    );
    const masks = LABELS.masks(draws);
    const said = LABELS.drawn(draws, dropped, record.count, sum, average, masks, evaluation);
    return record.draws === MOST_DRAWS ? `${said} ${LABELS.full(draws)}` : said;
  };
  /** @param {boolean} isDone whether the seed's field may be written: not while it is typed in */
  const draw = (isDone = false) => {
    p.set(record.p);
    mode.input.value = record.training ? "training" : "evaluation";
    if (isDone || seed.getRootNode().activeElement !== seed) {
      seed.value = record.seed;
      seed.setAttribute("aria-invalid", false);
    }
    more.forEach((each) => each.toggleAttribute("disabled", record.draws === MOST_DRAWS));
    live.textContent = words();
    if (layerBox.clientWidth) layer.draw(layerBox.clientWidth);
    average.hidden = !record.training;
    if (chartBox.clientWidth) chart.draw(chartBox.clientWidth);
    refill(twin, () => layerTwin(record));
  };
  let width = 0;
  const widths = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return; // the height follows from drawing itself
    width = contentRect.width;
    draw();
  });
  widths.observe(root);
  const endings = [
    () => widths.disconnect(),
    listen(model, ["p", "seed", "draws", "training"], () => draw()),
    followTheme((theme) => (root.dataset.theme = theme)),
  ];
  draw(true);
  return () => endings.forEach((end) => end());
}

export default { render };
