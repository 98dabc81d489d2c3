// The residual stream read out after each layer, and what each part adds to a token's logit.
// Its parts are in the files beside this one. It draws what was recorded and runs no model.

const LABELS = {
  view: (model) => `What would ${model} say after each layer?`,
  size: (layers, tokens) =>
    `${tokens} tokens, ${layers} layers. A row is read out after so many layers have run; the ` +
    "first row is the embedding alone. A cell is the token that leads there, with its " +
    "probability in per cent. Arrow keys move the chosen cell.",
  grid: "Leading token by layers run and position",
  corner: "layers ↓ token →",
  embedding: "embedding",
  cell: (layer, at, token, share) => `${at}, ${afterLayers(layer)}: ${token} leads with ${share}`,
  table: (layer, at) => `Read out at ${at}, ${afterLayers(layer)}`,
  tableColumns: ["Token", "Probability"],
  follow: "Follow the token",
  option: (token, share) => `${token} (${share} at the end)`,
  there: (layer, token, share) => `${token} has ${share} ${afterLayers(layer)}.`,
  addedBy: (layer, layers, attention, feedforward) =>
    ` Layer ${layer} of ${layers} has just added: attention ${attention}, feed-forward ` +
    `${feedforward} to its final logit.`,
  axis: (share) => `${share * 100} %`,
  shareAxis: (token) => `probability of ${token}, read out there`,
  partAxis: (token) => `added to the final logit of ${token}`,
  layersAxis: "layers that have run",
  chart: (token, first, last, best, highest) =>
    `${token} through the layers: ${first} at the embedding, highest ${afterLayers(best)} with ` +
    `${highest}, ${last} at the end. The table below has every number.`,
  kinds: { embedding: "embedding", attention: "attention", feedforward: "feed-forward" },
  sum: (token, parts, total, logit) => `${parts} = ${total}. The logit of ${token} is ${logit}.`,
  part: (name, value) => `${name} ${value}`,
  biases: "biases",
  how:
    "Each number is what one part wrote into the stream, times the final norm’s weight and the " +
    "head’s row of this token, with the norm’s scale held at its final value. So they add up.",
  missing: {
    recorded: "What each part adds was not recorded in this trace.",
    sum: "What each part adds is not shown: in this model the logit is not a sum of such parts.",
  },
  twin: "These numbers as a table",
  twinCaption: (token, at) => `${token}, read out at ${at}; what each layer adds to its logit`,
  twinColumns: ["Layers", "Leads", "Its probability"],
  twinFollowed: (token) => `Probability of ${token}`,
  twinParts: ["Embedding", "Attention", "Feed-forward"],
  twinSum: "sum",
};

function followChoice(model, record) {
  const box = element("div", { class: "follow" });
  let shown = -1;
  let list;
  const changed = (place) => save(model, { target: record.targets[Number(place)].id });
  return {
    node: box,
    /** The list is made anew for another position only, so that it keeps the focus. */
    update() {
      if (shown !== record.position) {
        const options = record.targets.map(({ text }, place) => ({
          value: String(place),
          label: LABELS.option(text, percent(record.finalShare(place))),
        }));
        list = choice(LABELS.follow, options, String(record.place), changed);
        box.replaceChildren(list.box);
        shown = record.position;
      }
      list.input.value = String(record.place);
    },
  };
}

function render({ model, el }) {
  const record = residualRecord(model);
  const title = LABELS.view(model.get("model_name"));
  const root = viewRoot(el, "residual", title);
  const live = liveLine();
  const about = element("p", { class: "llmlab-quiet" });
  const say = (words) => (live.textContent = words ?? record.words(record.layer, record.position));
  const grid = lensGrid(record, { choose: (values) => save(model, values), say });
  const follow = followChoice(model, record);
  const chart = lensChart(record);
  const table = element("div", { class: "top-table" });
  const sum = element("p", { class: "sum" });
  const figure = element("div", { class: "lens-charts" }, chart.node);
  const twin = disclosure(LABELS.twin, () => numbersTwin(record));
  const explained = record.hasParts
    ? [partsLegend(), sum, element("p", { class: "llmlab-quiet" }, LABELS.how)]
    : [element("p", { class: "llmlab-quiet" }, LABELS.missing[record.missing])];
  root.append(
    element(
      "header",
      {},
      element("h3", {}, title),
      element("p", { class: "llmlab-quiet" }, LABELS.size(record.rows - 1, record.positions)),
    ),
    grid.node,
    element("div", { class: "reading" }, live, about),
    element(
      "div",
      { class: "pair" },
      table,
      element("div", { class: "through" }, follow.node, figure),
    ),
    ...explained,
    twin,
  );

  const aboutWords = () => {
    const { layer, target } = record;
    const there = LABELS.there(layer, target, percent(record.share(layer)));
    if (!record.hasParts || layer === 0) return there;
    const parts = [signed(record.attention(layer)), signed(record.feedforward(layer))];
    return there + LABELS.addedBy(layer, record.rows - 1, ...parts);
  };
  const draw = () => {
    grid.mark();
    follow.update();
    table.replaceChildren(topTable(record));
    about.textContent = aboutWords();
    if (record.hasParts) sum.textContent = sumWords(record);
    if (figure.clientWidth) chart.draw(figure.clientWidth);
    refill(twin, () => numbersTwin(record));
    say(null);
  };
  const widths = new ResizeObserver(draw);
  widths.observe(root);
  const endings = [
    () => widths.disconnect(),
    listen(model, ["layer", "position", "target"], draw),
    followTheme((theme) => {
      root.dataset.theme = theme;
      grid.paint(theme);
    }),
  ];
  draw();
  return () => endings.forEach((end) => end());
}

export default { render };
