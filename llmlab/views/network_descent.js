// The training of a NetworkView's network in the page: steps of gradient descent on its examples,
// with the loss, and what every parameter's gradient does to it in the next step.

const RATES = [1, 10, 100, 1e3, 1e4, 1e5].flatMap((p) => [p, 2 * p, 5 * p].map((n) => n / 1000));
const STEPS = [1, 10, 100];
const MOST_STEPS = 5000; // that a curve is drawn of

/**
 * @param {{table: {rows: number[][], labels: number[]}, model: object}} given the examples; the
 *   view's model, whose layers, losses (before each step taken) and learning rate the panel reads
 *   and changes
 */
function descentPanel({ table, model }) {
  const live = liveLine("llmlab-live llmlab-loss");
  const curve = lossCurve();
  const underCurve = element("p", { class: "llmlab-quiet" });
  const nextBox = element("div");
  const [allBox, exampleBox, lossBox] = [element("div"), element("div"), element("div")];

  let rates = [];
  const rate = slider(
    LABELS.rate,
    { min: 0, max: 1, step: 1, value: 0, format: (i) => digits(rates[i] ?? 0) },
    (i) => save(model, { learning_rate: rates[i] }),
  );
  const buttons = STEPS.map((count) =>
    element("button", { type: "button", click: () => take(count) }, LABELS.take(count)),
  );

  let stopped = ""; // why fewer steps were taken than asked for
  function take(count) {
    let layers = model.get("layers");
    const losses = [...model.get("losses")];
    stopped = "";
    let found = lossAndGradients(layers, table);
    for (let i = 0; i < count && !stopped; i++) {
      const next = descended(layers, found.gradients, model.get("learning_rate"));
      const after = lossAndGradients(next, table);
      if (losses.length === MOST_STEPS) stopped = LABELS.enough(MOST_STEPS);
      else if (!Number.isFinite(after.loss) || !areFinite(next)) stopped = LABELS.tooLarge;
      else {
        losses.push(found.loss);
        [layers, found] = [next, after];
      }
    }
    save(model, { layers, losses, moment: -1 });
    show();
  }

  const parts = [
    [LABELS.allNext, allBox],
    [LABELS.exampleTable, exampleBox],
    [LABELS.lossTable, lossBox],
  ].map(([title, box]) => {
    const part = disclosure(title, () => box);
    part.addEventListener("toggle", () => part.open && show());
    return part;
  });
  const box = element(
    "div",
    { class: "llmlab-descent" },
    element("h4", {}, LABELS.descent(table.rows.length)),
    element("div", { class: "llmlab-row" }, rate.box, buttons),
    live,
    curve.svg,
    underCurve,
    nextBox,
    parts,
  );

  let names; // by layer, the inputs first
  let outputs; // the names of the answers
  function show(nextNames = names, nextOutputs = outputs) {
    [names, outputs] = [nextNames, nextOutputs];
    const [layers, before, chosen] = ["layers", "losses", "neuron"].map((name) => model.get(name));
    const learningRate = model.get("learning_rate");
    rates = [...new Set([...RATES, learningRate])].sort((a, b) => a - b);
    furnish(rate.input, { max: rates.length - 1 }, []);
    rate.set(rates.indexOf(learningRate));
    const found = lossAndGradients(layers, table);
    const losses = [...before, found.loss];
    const right = found.examples.filter(({ place }, i) => place === table.labels[i]).length;
    const words = [
      LABELS.lossNow(before.length, digits(found.loss)),
      ...(before.length ? [LABELS.lossBefore(digits(before.at(-1)))] : []),
      LABELS.rightOf(right, table.rows.length),
      ...(stopped ? [stopped] : []),
    ].join(" ");
    if (live.textContent !== words) live.textContent = words; // spoken only where it changed
    curve.draw(losses);
    curve.mark(before.length);
    underCurve.textContent = LABELS.underCurve(before.length, digits(Math.max(...losses), 3));
    const rows = nextRows(layers, found.gradients, learningRate, names);
    const [layer, place] = chosen;
    const own = rows.filter((row) => row.layer === layer - 1 && row.place === place);
    nextBox.replaceChildren(
      layer
        ? nextTable(LABELS.nextOf(names[layer][place]), LABELS.source, own, (row) => row.source)
        : element("p", { class: "llmlab-quiet" }, LABELS.noParameters(names[0][place])),
    );
    if (parts[0].open) {
      const whole = (row) => LABELS.parameter(row.source, row.name);
      allBox.replaceChildren(nextTable(LABELS.allNext, LABELS.anyParameter, rows, whole));
    }
    if (parts[1].open) exampleBox.replaceChildren(exampleTable(table, found.examples, outputs));
    if (parts[2].open) lossBox.replaceChildren(lossesTable(losses));
  }
  return { box, show, forget: () => (stopped = "") };
}

/** Each parameter's number now, its gradient, what the next step takes away, and what is left. */
function nextRows(layers, gradients, rate, names) {
  const next = descended(layers, gradients, rate);
  return layers.flatMap(({ weights, biases }, layer) =>
    weights.flatMap((row, place) => {
      const of = (source, now, gradient, after) => ({
        layer,
        place,
        name: names[layer + 1][place],
        source,
        cells: [digits(now), digits(gradient), digits(-rate * gradient), digits(after)],
      });
      const own = [gradients[layer], next[layer]];
      const [slopes, after] = own.map((part) => part.weights[place]);
      return [
        ...row.map((weight, i) => of(names[layer][i], weight, slopes[i], after[i])),
        of(LABELS.bias, biases[place], ...own.map((part) => part.biases[place])),
      ];
    }),
  );
}

function nextTable(caption, first, rows, header) {
  const cells = rows.map((row) => [header(row), ...row.cells]);
  const columns = LABELS.nextColumns(first);
  return scrollBox(caption, dataTable({ caption, columns, rows: cells }));
}

function exampleTable({ rows, labels }, examples, outputs) {
  const cells = examples.map(({ loss, share, place }, i) => [
    String(i + 1),
    rows[i].map((value) => digits(value, 3)).join(", "),
    outputs[labels[i]],
    place < 0 ? LABELS.undecided : outputs[place],
    percent(share),
    digits(loss),
  ]);
  const caption = LABELS.exampleCaption;
  return scrollBox(caption, dataTable({ caption, columns: LABELS.exampleColumns, rows: cells }));
}

function lossesTable(losses) {
  const rows = losses.map((loss, step) => [String(step), digits(loss)]);
  const caption = LABELS.lossesCaption;
  return scrollBox(caption, dataTable({ caption, columns: LABELS.lossColumns, rows }));
}
