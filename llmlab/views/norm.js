// A small vector, normalised in two ways: every step is computed in the page as numbers change.

const LABELS = {
  view: "Layer normalisation of a small vector, to be changed by hand",
  title: (count) => `${count} numbers, normalised`,
  examples: "Examples",
  changes: "Change all numbers",
  actions: { add: "all + 10", times: "all × 10", turn: "all × −1" },
  reset: "Back to the beginning",
  sums: (mean, variance, deviation, rms) =>
    `Mean ${mean}, variance ${variance}, deviation ${deviation}; root mean square ${rms}.`,
  notANumber: "not a number",
  panels: ["The numbers", "LayerNorm", "RMSNorm"],
  givenWords: (numbers, mean, deviation) =>
    `The numbers ${numbers.join(", ")}; mean ${mean}, deviation ${deviation}`,
  layerWords: (numbers) => `LayerNorm: ${numbers.join(", ")}`,
  rmsWords: (numbers) => `RMSNorm: ${numbers.join(", ")}`,
  legend:
    "Dashed: the mean; shaded: one deviation to each side. In the two norms, filled bars are the " +
    "results, outlines the same before scale and shift.",
  numbers: "Numbers",
  number: (place) => `Number ${place}`,
  scaleAndShift: "Scale, shift and epsilon",
  scale: "Scale",
  scaleOf: (place) => `Scale ${place}`,
  shift: "Shift (LayerNorm only)",
  shiftOf: (place) => `Shift ${place}`,
  eps: "Epsilon",
  field: (label) => `${label}, as a number`,
  caption: "Every step",
  columns: (count) => ["Place", ...Array.from({ length: count }, (_, i) => String(i + 1))],
  rows: {
    numbers: "number",
    centred: "number − mean",
    standard: "÷ √(variance + ε)",
    layerNorm: "× scale + shift: LayerNorm",
    unit: "number ÷ √(mean square + ε)",
    rmsNorm: "× scale: RMSNorm",
  },
};

const EPSILONS = [0, 1e-6, 1e-5, 0.01, 1];
const SCALES = [-3, 3]; // of the sliders for scale and shift
const PARTS = ["numbers", "weight", "bias", "eps"];

function render({ model, el }) {
  const given = () => Object.fromEntries(PARTS.map((name) => [name, model.get(name)]));
  const first = given();
  const count = first.numbers.length;
  const root = viewRoot(el, "norm", LABELS.view);
  const live = liveLine();
  const chart = normChart(count);
  const tableBox = scrollBox(LABELS.caption);

  let range = model.get("limits"); // of the numbers' sliders; while one is dragged it only grows
  const widen = () => {
    const now = model.get("numbers");
    range = [Math.min(range[0], ...now), Math.max(range[1], ...now)];
    numbers.forEach((control) => control.bound(range));
  };
  const put = (values) => {
    range = model.get("limits");
    save(model, values);
  };
  const settled = () => {
    range = model.get("limits");
    widen();
    model.save_changes();
  };
  const replaced = (name, place, value) =>
    model.set(
      name,
      model.get(name).map((old, i) => (i === place ? value : old)),
    );
  const controls = (name, limits, label) =>
    first[name].map((_, i) =>
      numberControl(
        { range: label(i + 1), field: LABELS.field(label(i + 1)) },
        limits,
        (value) => replaced(name, i, value),
        settled,
      ),
    );
  const numbers = controls("numbers", range, LABELS.number);
  const scales = controls("weight", SCALES, LABELS.scaleOf);
  const shifts = controls("bias", SCALES, LABELS.shiftOf);
  const eps = choice(
    LABELS.eps,
    EPSILONS.map((value) => ({ value: String(value), label: digits(value) })),
    String(first.eps),
    (value) => save(model, { eps: Number(value) }),
  );

  const changeAll = (change) => {
    const next = model.get("numbers").map((x) => Number(change(x).toPrecision(12)));
    if (next.every((x) => Math.abs(x) <= FARTHEST)) put({ numbers: next });
  };
  const button = (label, click) => element("button", { type: "button", click }, label);
  const examples = model
    .get("examples")
    .map((example) => button(example.name, () => put({ numbers: example.numbers })));
  examples.forEach((chip) => chip.classList.add("llmlab-chip"));
  const row = (label, buttons) =>
    element("div", { class: "llmlab-row", role: "group", "aria-label": label }, buttons);
  const fieldset = (legend, shownControls, className) =>
    element(
      "fieldset",
      { class: `llmlab-inputs ${className}` },
      element("legend", {}, legend),
      shownControls.map((control, i) =>
        element(
          "div",
          { class: "llmlab-input" },
          element("span", { "aria-hidden": "true" }, String(i + 1)),
          control.box,
        ),
      ),
    );
  root.append(
    element("h3", {}, LABELS.title(count)),
    ...(examples.length ? [row(LABELS.examples, examples)] : []),
    row(LABELS.changes, [
      button(LABELS.actions.add, () => changeAll((x) => x + 10)),
      button(LABELS.actions.times, () => changeAll((x) => x * 10)),
      button(LABELS.actions.turn, () => changeAll((x) => -x)),
      button(LABELS.reset, () => put(first)),
    ]),
    fieldset(LABELS.numbers, numbers, "llmlab-numbers"),
    live,
    chart.box,
    element("p", { class: "llmlab-quiet" }, LABELS.legend),
    tableBox,
    disclosure(LABELS.scaleAndShift, () =>
      element(
        "div",
        {},
        fieldset(LABELS.scale, scales, "llmlab-scales"),
        fieldset(LABELS.shift, shifts, "llmlab-shifts"),
        element("p", {}, eps.box),
      ),
    ),
  );

  function show() {
    const now = given();
    const found = normalised(now);
    const sums = [
      found.mean,
      found.variance,
      Math.sqrt(found.variance),
      Math.sqrt(found.meanSquare),
    ];
    live.textContent = LABELS.sums(...sums.map((value) => shown(value, 5)));
    widen();
    [numbers, scales, shifts].forEach((group, part) =>
      group.forEach((control, i) => control.set(now[PARTS[part]][i])),
    );
    if (![...eps.input.options].some((option) => option.value === String(now.eps))) {
      eps.input.append(element("option", { value: String(now.eps) }, digits(now.eps)));
    }
    eps.input.value = String(now.eps);
    examples.forEach((chip, i) => {
      const isShown = model.get("examples")[i].numbers.every((x, j) => x === now.numbers[j]);
      chip.setAttribute("aria-pressed", isShown);
    });
    chart.show(now, found);
    const steps = { numbers: now.numbers, ...found };
    const most = width < BARS.narrow ? 3 : 5; // digits of what is computed
    const rows = Object.entries(LABELS.rows).map(([name, label]) => [
      label,
      ...steps[name].map((value) => shown(value, name === "numbers" ? 6 : most)),
    ]);
    tableBox.replaceChildren(
      dataTable({ caption: LABELS.caption, columns: LABELS.columns(count), rows }),
    );
  }

  const forget = [
    followTheme((theme) => (root.dataset.theme = theme)),
    listen(model, PARTS, show),
  ];
  let width = chart.box.clientWidth;
  chart.fit(width);
  show();
  const measure = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width || !contentRect.width) return;
    width = contentRect.width;
    chart.fit(width);
    show();
  });
  measure.observe(chart.box);
  return () => {
    measure.disconnect();
    forget.forEach((end) => end());
  };
}

export default { render };
