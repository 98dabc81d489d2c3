// One token in two sentences: how alike its two vectors are after each layer, and what the model's
// head reads in each. It draws what was recorded and runs no model.

const LABELS = {
  view: (model) => `One token in two sentences, read by ${model}`,
  choose: "Token of both sentences",
  sentences: ["First", "Second"],
  unread: "Grey: to the right of the token. A model that reads from left to right has not seen it.",
  layer: "Layers that have run",
  layers: (layer, last) => `${layer} of ${last}`,
  said: (word, layer, cosine, others, first, second) =>
    `${word} ${afterLayers(layer)}: cosine ${cosine}, with other tokens ${others}. The head reads ` +
    `“${first}” in the first sentence and “${second}” in the second.`,
  table: (word) => `The two vectors of ${word}, layer by layer`,
  columns: ["Layers", "Cosine of its two vectors", "With other tokens", "First", "Second"],
  embedding: "embedding",
  how:
    "A bar is the cosine of the two vectors; the line across it is their mean cosine with the " +
    "other sentence’s other tokens: where the bar ends at the line, the two are no more alike " +
    "than any two tokens are there. First and Second have the token that leads if the vector is " +
    "read by the model’s head.",
  read: (sentence, layer) => `${sentence} sentence, read ${afterLayers(layer)}`,
  readColumns: ["Token", "Probability"],
};

function render({ model, el }) {
  const title = LABELS.view(model.get("model_name"));
  const root = viewRoot(el, "context", title);
  const record = contextRecord(model);
  const live = liveLine();
  const chips = tokenChips(LABELS.choose, record.shared, (shown) => save(model, { shown }));
  const sentences = element("div", { class: "sentences" });
  const rows = element("div");
  const read = element("div", { class: "pair" });
  const last = record.rows - 1;
  const layers = slider(
    LABELS.layer,
    { min: 0, max: last, step: 1, value: record.layer, format: (n) => LABELS.layers(n, last) },
    (layer) => save(model, { layer }),
  );
  root.append(
    element("h3", {}, title),
    ...(record.shared.length > 1 ? [chips.box] : []),
    sentences,
    ...(model.get("causal") ? [element("p", { class: "llmlab-quiet" }, LABELS.unread)] : []),
    layers.box,
    live,
    read,
    rows,
    element("p", { class: "llmlab-quiet" }, LABELS.how),
  );

  let table;
  const showToken = () => {
    chips.mark(record.shown);
    sentences.replaceChildren(...[0, 1].map((sentence) => sentenceLine(record, sentence)));
    table = layerTable(record, (layer) => save(model, { layer }));
    rows.replaceChildren(scrollBox(table.caption.textContent, table));
    showLayer();
  };
  const showLayer = () => {
    layers.set(record.layer);
    [...table.tBodies[0].rows].forEach((row, i) =>
      row.classList.toggle("llmlab-chosen", i === record.layer),
    );
    read.replaceChildren(...[0, 1].map((sentence) => readTable(record, sentence)));
    live.textContent = record.words;
  };
  const endings = [
    listen(model, ["shown"], showToken),
    listen(model, ["layer"], showLayer),
    followTheme((theme) => (root.dataset.theme = theme)),
  ];
  showToken();
  return () => endings.forEach((end) => end());
}

export default { render };
