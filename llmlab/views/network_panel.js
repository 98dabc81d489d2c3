// One neuron of a NetworkView, line by line: products, bias, sum, activation.

/**
 * The panel of a chosen neuron, with a control for each of its weights and its bias.
 * @param {{change: (source: number|null, value: number) => void, settled: () => void}} actions
 */
function neuronPanel({ layers, names, chosen, change, settled }) {
  const [layer, place] = chosen;
  const { weights, activation } = layers[layer - 1];
  const name = names[layer][place];
  const sources = names[layer - 1];
  const formula = element("p", { class: "llmlab-formula" });
  const bounds = (source) => parameterLimits(layers[layer - 1], source);
  const cell = (className) => element("td", { class: className });
  const rows = sources.map((source, i) => {
    const control = numberControl(
      labelsOf(LABELS.weightOf(source, name)),
      bounds(i),
      (v) => change(i, v),
      settled,
    );
    return { given: cell("llmlab-given"), control, product: cell("llmlab-product") };
  });
  const bias = numberControl(
    labelsOf(LABELS.biasOf(name)),
    bounds(null),
    (v) => change(null, v),
    settled,
  );
  const biasCell = cell("llmlab-product");
  const sum = cell("llmlab-sum");
  const output = cell("llmlab-output");
  const header = (text) => element("th", { scope: "row" }, text);
  const last = (text, node) =>
    element("tr", {}, element("th", { scope: "row", colspan: 3 }, text), node);
  const body = element(
    "tbody",
    {},
    rows.map(({ given, control, product }, i) =>
      element("tr", {}, header(sources[i]), given, element("td", {}, control.box), product),
    ),
    element("tr", {}, header(LABELS.bias), element("td"), element("td", {}, bias.box), biasCell),
    last(LABELS.sum, sum),
    last(LABELS.after[activation], output),
  );
  const head = LABELS.panelColumns.map((text) => element("th", { scope: "col" }, text));
  const table = element(
    "table",
    { class: "llmlab-table llmlab-products" },
    element("caption", {}, LABELS.panelCaption(name, weights[place].length)),
    element("thead", {}, element("tr", {}, head)),
    body,
  );
  return {
    box: element(
      "div",
      {},
      element("h4", {}, LABELS.panel(name)),
      formula,
      scrollBox(LABELS.panel(name), table),
    ),
    show(nextLayers, computed) {
      const neuron = computed[layer - 1][place];
      const { weights: all, biases } = nextLayers[layer - 1];
      rows.forEach(({ given, control, product }, i) => {
        given.textContent = digits(neuron.inputs[i]);
        control.set(all[place][i]);
        product.textContent = digits(neuron.products[i]);
      });
      bias.set(biases[place]);
      biasCell.textContent = digits(biases[place]);
      sum.textContent = digits(neuron.sum);
      output.textContent = digits(neuron.output);
      formula.textContent = formulaOf(neuron, all[place], biases[place]);
    },
    /** New limits once a number has come to rest, so that a slider does not flee from the hand. */
    settle: (nextLayers) => {
      const limits = (source) => parameterLimits(nextLayers[layer - 1], source);
      rows.forEach(({ control }, i) => control.bound(limits(i)));
      bias.bound(limits(null));
    },
  };
}

function labelsOf(label) {
  return { range: label, field: LABELS.field(label) };
}

/** The panel of a chosen input: what it adds to each neuron of the first layer. */
function inputPanel({ names, chosen }) {
  const [, place] = chosen;
  const name = names[0][place];
  const holder = element("div");
  return {
    box: element("div", {}, element("h4", {}, LABELS.inputPanel(name)), holder),
    show(layers, computed) {
      const rows = layers[0].weights.map((row, i) => [
        names[1][i],
        digits(computed[0][i].inputs[place]),
        digits(row[place]),
        digits(computed[0][i].products[place]),
      ]);
      const columns = LABELS.inputColumns;
      holder.replaceChildren(dataTable({ caption: LABELS.inputCaption(name), columns, rows }));
    },
    settle() {},
  };
}

/** As a sum is written by hand: 32 × 0.1 + 107 × −0.29 + 0.25 = −26.348. */
function formulaOf({ inputs, sum }, weights, bias) {
  const products = weights.map((weight, i) => `${digits(inputs[i])} × ${digits(weight)}`);
  const sign = bias < 0 ? "−" : "+";
  return `${products.join(" + ")} ${sign} ${digits(Math.abs(bias))} = ${digits(sum)}`;
}

/**
 * The range of a slider: twice the largest weight that its source has in the layer, or (source
 * null) twice the largest bias and at least one.
 */
function parameterLimits({ weights, biases }, source) {
  const numbers = source === null ? biases : weights.map((row) => row[source]);
  const largest = Math.max(...numbers.map(Math.abs));
  const most = Number((2 * largest).toPrecision(1)) || 1;
  return source === null ? [-Math.max(1, most), Math.max(1, most)] : [-most, most];
}
