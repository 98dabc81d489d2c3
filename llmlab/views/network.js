// A small dense network: neurons, weights, every product and sum. The page computes this network
// from the numbers in its state; whatever is changed by hand, everything follows.

const LABELS = {
  view: "A small network, to be changed by hand",
  title: (shape) => `A network of ${shape.join(" – ")} neurons`,
  neurons: "Neurons: choose one",
  help: "Choose a neuron to see its sum. Drag an input or a weight sideways, or use the sliders.",
  legend: "Solid: positive weight. Dashed: negative. Thick: large in its layer.",
  reading: "The numbers stand for",
  example: "Example",
  inputs: "Inputs",
  reset: "Back to the beginning",
  field: (label) => `${label}, as a number`,
  hidden: (layer, place, isOnly) =>
    isOnly ? `hidden ${place + 1}` : `hidden ${layer}.${place + 1}`,
  hiddenShort: (layer, place) => `${layer}.${place + 1}`,
  output: "output",
  neuronWords: (name, value, sum) => `${name}: ${value}${sum === null ? "" : `, sum ${sum}`}`,
  weightOf: (source, name) => `Weight from ${source} to ${name}`,
  biasOf: (name) => `Bias of ${name}`,
  panel: (name) => `${name}, line by line`,
  panelCaption: (name, count) => `${name} adds ${count} products and its bias`,
  panelColumns: ["from", "its number", "× weight", "= product"],
  bias: "bias",
  sum: "sum",
  after: {
    linear: "no activation",
    relu: "ReLU: below 0 becomes 0",
    tanh: "tanh of the sum",
    sigmoid: "sigmoid of the sum",
  },
  inputPanel: (name) => `${name}, an input`,
  inputCaption: (name) => `What ${name} adds to each neuron of the next layer`,
  inputColumns: ["to", "its number", "× weight", "= product"],
  several: (list, answer) => `${list}. The largest says: ${answer}.`,
  single: (value, positive, negative, answer) =>
    `The output is ${value}. Above 0 means ${positive}, below 0 ${negative}: ${answer}.`,
  shares: (list) => `Softmax makes shares of it: ${list}.`,
  undecided: "undecided",
  twin: "All numbers as a table",
  twinCaption: "Each neuron's products, bias, sum and output",
  twinColumns: ["Neuron", "Input × weight = product", "Bias", "Sum", "Activation", "Output"],
  replay: "Its training, step by step",
  moment: "Moment",
  step: (step, last) => `step ${step} of ${last}`,
  play: "Play",
  pause: "Pause",
  curve: (steps, first, last) => `Loss over ${steps} steps, from ${first} to ${last}`,
  lossAt: (step, loss) => `After ${step} steps the loss is ${loss}.`,
  byHand: "These weights are not of a moment of the training: they were changed by hand.",
  lossTable: "The loss as a table",
  lossCaption: (rate) => `Mean cross-entropy in nats, learning rate ${rate}`,
  lossColumns: ["Step", "Loss"],
  descent: (count) => `Train it on ${count} examples`,
  rate: "Learning rate",
  take: (count) => (count === 1 ? "1 step" : `${count} steps`),
  lossNow: (steps, loss) =>
    steps
      ? `After ${steps === 1 ? "1 step" : `${steps} steps`} the loss is ${loss}.`
      : `The loss is ${loss}.`,
  lossBefore: (loss) => `Before the last step it was ${loss}.`,
  rightOf: (right, all) => `Right answers: ${right} of ${all}.`,
  tooLarge:
    "The next step would leave the numbers that a computer can hold: go back to the beginning " +
    "and try a lower rate.",
  enough: (steps) => `These are ${steps} steps; go back to the beginning to take others.`,
  underCurve: (steps, largest) =>
    `The loss after 0 to ${steps} steps, drawn from 0 at the bottom to ${largest} at the top.`,
  nextOf: (name) => `What the next step does to ${name}`,
  noParameters: (name) => `${name} is an input and has nothing to learn: choose another neuron.`,
  allNext: "What the next step does to every parameter",
  nextColumns: (first) => [first, "Now", "Gradient", "− rate × gradient", "Next"],
  source: "Weight from",
  anyParameter: "Parameter",
  parameter: (source, name) => `${source} → ${name}`,
  exampleTable: "Each example and its loss",
  exampleCaption: "The examples, the share of each right output, and −ln of it",
  exampleColumns: ["Example", "Inputs", "Right", "Answer", "Share of right", "Loss"],
  lossesCaption: "Mean cross-entropy in nats, after each step",
};

function render({ model, el }) {
  const first = Object.fromEntries(
    ["layers", "inputs", "moment", "losses"].map((name) => [name, model.get(name)]),
  );
  const shape = [first.inputs.length, ...first.layers.map((layer) => layer.biases.length)];
  const root = viewRoot(el, "network", LABELS.view);
  const live = liveLine();
  const shares = element("p", { class: "llmlab-quiet" });
  const panelBox = element("div", { class: "llmlab-panel" });
  const twinBox = element("div");

  const settled = () => {
    panel.settle(model.get("layers"));
    model.save_changes();
  };
  const setInput = (place, value) =>
    model.set(
      "inputs",
      model.get("inputs").map((old, i) => (i === place ? value : old)),
    );
  const setParameter = (layer, place, source, value) => {
    descent?.forget();
    model.set("losses", []); // a new beginning for the steps in the page
    model.set("layers", withParameter(model.get("layers"), layer, place, source, value));
    model.set("moment", -1);
  };
  const choose = (layer, place) => {
    const [a, b] = model.get("neuron");
    if (a !== layer || b !== place) save(model, { neuron: [layer, place] });
  };
  /** What dragging an input or a weight in the drawing does. */
  const drag = ({ input, layer, place, source }) => {
    const isInput = input !== undefined;
    return {
      begin() {
        if (isInput)
          return { value: model.get("inputs")[input], limits: model.get("limits")[input] };
        const dragged = model.get("layers")[layer];
        return { value: dragged.weights[place][source], limits: parameterLimits(dragged, source) };
      },
      move(value) {
        if (isInput) setInput(input, value);
        else setParameter(layer, place, source, value);
      },
      end: settled,
    };
  };
  const net = networkDrawing({ shape, choose, drag });
  const inputs = first.inputs.map((_, i) =>
    numberControl(
      { range: "", field: "" }, // their names come with the reading
      model.get("limits")[i],
      (value) => setInput(i, value),
      settled,
    ),
  );
  const inputNames = inputs.map(() => element("span", { class: "llmlab-input-name" }));
  const fields = element(
    "fieldset",
    { class: "llmlab-inputs" },
    element("legend", {}, LABELS.inputs),
    inputs.map((control, i) => element("div", { class: "llmlab-row" }, inputNames[i], control.box)),
  );
  const examples = model.get("examples").map((example) =>
    element(
      "button",
      {
        type: "button",
        class: "llmlab-chip",
        click: () => save(model, { inputs: example.inputs }),
      },
      example.name,
    ),
  );
  const exampleBox = element(
    "div",
    { class: "llmlab-row", role: "group", "aria-label": LABELS.example },
    examples,
    element("button", { type: "button", click: () => reset() }, LABELS.reset),
  );
  const readings = model.get("readings");
  const reading = choice(
    LABELS.reading,
    readings.map(({ title }, i) => ({ value: String(i), label: title })),
    String(model.get("reading")),
    (value) => save(model, { reading: Number(value) }),
  );
  const record = model.get("record");
  const replay = record.steps
    ? trainingReplay(record, (i) => {
        const layers = withParameters(model.get("layers"), record.parameters[i]);
        save(model, { losses: [], layers, moment: i });
      })
    : null;
  const table = model.get("training");
  const descent = table?.rows ? descentPanel({ table, model }) : null;
  const reset = () => {
    descent?.forget();
    save(model, first);
  };
  const twin = disclosure(LABELS.twin, () => twinBox);
  twin.addEventListener("toggle", () => twin.open && show());
  const drawn = element("div", { class: "llmlab-drawn" }, net.svg);
  root.append(
    element("h3", {}, LABELS.title(shape)),
    ...(readings.length > 1 ? [reading.box] : []),
    exampleBox,
    live,
    shares,
    drawn,
    element("p", { class: "llmlab-quiet" }, LABELS.legend, " ", LABELS.help),
    ...(descent ? [descent.box] : []),
    element("div", { class: "llmlab-columns" }, fields, panelBox),
    ...(replay ? [replay.box] : []),
    twin,
  );

  let panel;
  /** What changes with the choice of a neuron or of names. */
  function rebuild() {
    const chosen = model.get("neuron");
    const names = namesOf(shape, readings[model.get("reading")]);
    const [layer, place] = chosen;
    const change = (source, value) => setParameter(layer - 1, place, source, value);
    const make = layer ? neuronPanel : inputPanel;
    panel = make({ layers: model.get("layers"), names, chosen, change, settled });
    panelBox.replaceChildren(panel.box);
    inputs.forEach(({ box }, i) => {
      inputNames[i].textContent = names[0][i];
      const [field, range] = box.children;
      field.setAttribute("aria-label", LABELS.field(names[0][i]));
      range.setAttribute("aria-label", names[0][i]);
    });
    reading.input.value = String(model.get("reading"));
    show();
  }

  function show() {
    const layers = model.get("layers");
    const given = model.get("inputs");
    const computed = runNetwork(layers, given);
    const names = namesOf(shape, readings[model.get("reading")]);
    const values = [given, ...computed.map((layer) => layer.map((neuron) => neuron.output))];
    const words = (layer, place) =>
      LABELS.neuronWords(
        names[layer][place],
        digits(values[layer][place]),
        layer ? digits(computed[layer - 1][place].sum) : null,
      );
    net.show({ layers, values, names, chosen: model.get("neuron"), words });
    inputs.forEach((control, i) => control.set(given[i]));
    examples.forEach((button, i) => {
      const isShown = model.get("examples")[i].inputs.every((value, j) => value === given[j]);
      button.setAttribute("aria-pressed", isShown);
    });
    panel.show(layers, computed);
    replay?.show(model.get("moment"));
    const outputNames = readings[model.get("reading")].output_names;
    descent?.show(names, outputNames);
    const answer = readOutputs(values.at(-1));
    live.textContent = answerWords(values.at(-1), outputNames, answer.place);
    const list = outputNames.map((name, i) => `${name} ${percent(answer.shares[i])}`).join(", ");
    shares.textContent = LABELS.shares(list);
    if (twin.open) twinBox.replaceChildren(numberTwin(layers, computed, names));
  }

  const forget = [
    followTheme((theme) => (root.dataset.theme = theme)),
    listen(model, ["neuron", "reading"], rebuild),
    listen(model, ["layers", "inputs", "moment", "losses", "learning_rate"], show),
    () => replay?.stop(),
  ];
  net.fit(drawn.clientWidth || DRAWN.widest);
  rebuild();
  let width = 0;
  const measure = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return; // the height follows from drawing itself
    width = contentRect.width;
    if (!width) return;
    net.fit(width);
    show();
  });
  measure.observe(drawn);
  return () => {
    measure.disconnect();
    forget.forEach((end) => end());
  };
}

export default { render };
