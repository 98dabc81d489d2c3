// Attention: all heads small, one large, arcs from the chosen query, and the steps to its weights.
// Its parts are in the files beside this one. It draws what was recorded and runs no model.

const LABELS = {
  view: {
    self: (model) => `Attention in ${model}`,
    encoder: (model) => `Attention in the encoder of ${model}`,
    cross: (model) => `Cross-attention in ${model}`,
  },
  size: (layers, heads, tokens) =>
    `${layers} layers × ${heads} heads, ${tokens} tokens. All counted from 0.`,
  crossSize: (layers, heads, written, read) =>
    `${layers} layers × ${heads} heads; ${written} tokens of the decoder look at ${read} of the ` +
    "encoder. All counted from 0.",
  heads: "All heads: choose one",
  headsHelp: "Each square is one head’s map of this text. Arrow keys move, Enter chooses.",
  layer: "layer",
  head: (head) => `head ${head}`,
  headCell: (layer, head, peak) => `layer ${layer}, head ${head}. ${peak}`,
  peak: (query, key, share) => `Strongest: ${query} looks at ${key} with ${share}`,
  map: (layer, head) => `Layer ${layer}, head ${head}`,
  mapHelp: (isWhole) =>
    `A row is a query, a column a key${isWhole ? "; a row adds up to 100 %" : ""}. Numbers in per ` +
    "cent; no square: masked.",
  crossMapHelp:
    "A row is a query, a token that the decoder has read; a column a key, a token of the source; " +
    "a row adds up to 100 %. Numbers in per cent.",
  query: "query",
  key: "key",
  choose: "Choose a query: the arcs lead to where it looks",
  looks: (query, key, share, exact) => `${query} looks at ${key} with ${share} (weight ${exact})`,
  summary: (query, list) => `${query} looks most at ${list}.`,
  and: " and ",
  with: (key, share) => `${key} with ${share}`,
  laterWords: (query, key) => `Masked: ${query} cannot look at ${key}, which comes later`,
  windowWords: (query, key, window) =>
    `Masked: ${key} is out of reach for ${query}; this layer reaches ${window} tokens back`,
  hide: (token) => `hide ${token}`,
  bosShare: (token, query, share, mean) =>
    `${token} gets ${share} of the attention of ${query}; in this head it gets ${mean} of the ` +
    "other tokens’ attention on average.",
  bosOnly: (token, mean) => `${token} gets ${mean} of the other tokens’ attention in this head.`,
  bosHidden: (token, rest) =>
    `${token} is hidden, as column and as row. The other weights stand as they are, not ` +
    `rescaled: what is left of the row adds up to ${rest}.`,
  arcs: (query, list) => `Arcs from ${query}: ${list}`,
  steps: (query) => `From scores to weights, for the query ${query}`,
  stepKey: "key",
  stepScore: "score q·k",
  stepScaled: (scale) => `× ${scale}`,
  stepMasked: "after mask",
  stepExp: "exp",
  stepWeight: "softmax",
  masked: "masked",
  maskedBy: { later: "masked: later", window: "masked: too far" },
  total: "sum",
  stepsNote: (largest) =>
    "exp is taken after subtracting the row’s largest number, which changes no weight; softmax " +
    "divides each exp by their sum. Worked out here from the recorded scores; it differs from " +
    `the model’s own weights by at most ${largest}.`,
  noScores: "The scores before softmax were not recorded in this trace.",
  twin: "This map as a table of numbers",
  twinCaption: (layer, head) => `Attention weights of layer ${layer}, head ${head}, in per cent`,
  twinCorner: "query ↓ key →",
};

/** What is said about the beginning token, which often takes much of the attention. */
function bosWords(record) {
  const token = record.name(0);
  let mean = 0;
  for (let query = 1; query < record.length; query++) mean += record.weight(query, 0);
  const meanShare = percent(mean / (record.length - 1));
  const own = record.weight(record.query, 0);
  if (record.query === 0) return LABELS.bosOnly(token, meanShare);
  const share = LABELS.bosShare(token, record.name(record.query), percent(own), meanShare);
  return record.start ? `${share} ${LABELS.bosHidden(token, percent(1 - own))}` : share;
}

function numberTwin(record) {
  const [queries, keys] = [record.texts, record.keyTexts].map((texts) =>
    [...texts.keys()].slice(record.start),
  );
  const cell = (query, key) =>
    record.masked(query, key) ? LABELS.masked : percent(record.weight(query, key), 2);
  const table = dataTable({
    caption: LABELS.twinCaption(record.layer, record.head),
    columns: [LABELS.twinCorner, ...keys.map((key) => tokenLabel(record.keyTexts[key]))],
    rows: queries.map((query) => [
      tokenLabel(record.texts[query]),
      ...keys.map((key) => cell(query, key)),
    ]),
  });
  return scrollBox(LABELS.twin, table);
}

function legend() {
  const ramp = element("span", { class: "ramp", "aria-hidden": "true" });
  const node = element("span", { class: "legend llmlab-quiet" }, "0 %", ramp, "100 %");
  const paint = (theme) => {
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => cssColour(rampColour(share, theme)));
    ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  };
  return { node, paint };
}

function render({ model, el }) {
  const record = attentionRecord(model);
  const title = LABELS.view[model.get("kind") ?? "self"](model.get("model_name"));
  const root = viewRoot(el, "attention", title);
  const live = liveLine();
  const about = element("p", { class: "llmlab-quiet about-bos" });

  const summary = () => {
    const list = record
      .strongest(record.query)
      .slice(0, 3)
      .map((key) => LABELS.with(record.keyName(key), percent(record.weight(record.query, key))));
    const last = list.pop();
    return LABELS.summary(
      record.name(record.query),
      list.length ? list.join(", ") + LABELS.and + last : last,
    );
  };
  const say = (words) => (live.textContent = words ?? summary());
  const choose = (choice) => save(model, choice);
  const hide = checkbox(LABELS.hide(record.texts[0]), model.get("hide_bos"), (checked) => {
    const movesOn = checked && record.query === 0; // from a row that is about to be hidden
    save(model, movesOn ? { hide_bos: true, query: record.length - 1 } : { hide_bos: checked });
  });

  const scaleOfColours = legend();
  const parts = [headSheet, largeMap, arcDiagram, stepTable].map((make) =>
    make(record, { choose, say }),
  );
  const [sheet, map, arcs, steps] = parts;
  const twin = disclosure(LABELS.twin, () => numberTwin(record));

  root.append(
    element(
      "header",
      {},
      element("h3", {}, title),
      element(
        "p",
        { class: "llmlab-quiet" },
        record.isCross
          ? LABELS.crossSize(record.layers, record.heads, record.length, record.nKeys)
          : LABELS.size(record.layers, record.heads, record.length),
      ),
    ),
    element("div", { class: "controls" }, record.hasBos ? hide.box : "", scaleOfColours.node),
    sheet.node,
    element("div", { class: "reading" }, live, about),
    element("div", { class: "pair" }, map.node, arcs.node),
    steps.node,
    twin,
  );

  let theme = pageTheme();
  const mark = () => [sheet, map, arcs].forEach((part) => part.mark());
  const draw = () => {
    hide.input.checked = model.get("hide_bos");
    [map, arcs, steps].forEach((part) => part.paint(theme));
    mark();
    about.textContent = record.hasBos ? bosWords(record) : "";
    refill(twin, () => numberTwin(record));
    say(null);
  };
  const drawAll = () => {
    root.dataset.theme = theme;
    scaleOfColours.paint(theme);
    sheet.paint(theme);
    draw();
  };
  // What is marked scrolls into sight once the view stands in the page with its width.
  const widths = new ResizeObserver(mark);
  widths.observe(root);
  const endings = [
    () => widths.disconnect(),
    listen(model, ["layer", "head", "query"], draw),
    listen(model, ["hide_bos"], drawAll),
    followTheme((next) => {
      theme = next;
      drawAll();
    }),
  ];
  return () => endings.forEach((end) => end());
}

export default { render };
