// The sentences and the tables of a ContextView.

/** A sentence with the token marked, and what it could not have read in grey. */
function sentenceLine(record, sentence) {
  const place = record.place(sentence);
  const kind = (position) => {
    if (position === place) return "here";
    return record.causal && position > place ? "unread" : "";
  };
  const tokens = record.sentences[sentence].map((text, position) =>
    element("span", { class: kind(position) }, tokenLabel(text)),
  );
  return element("p", {}, element("b", {}, LABELS.sentences[sentence]), " ", tokens);
}

/** A row for each layer; a click on one chooses it, as the slider does. */
function layerTable(record, choose) {
  const layers = Array.from({ length: record.rows }, (_, layer) => layer);
  const least = Math.min(0, ...layers.flatMap((each) => [record.cosine(each), record.others(each)]));
  const along = (cosine) => (cosine - least) / (1 - least);
  const rows = layers.map((layer) => [
    layer === 0 ? LABELS.embedding : String(layer),
    element(
      "span",
      { class: "with-bar", "data-value": record.cosine(layer) },
      element("span", {
        class: "bar",
        "aria-hidden": "true",
        style: {
          "--share": along(record.cosine(layer)),
          "--others": along(record.others(layer)),
        },
      }),
      number(record.cosine(layer)),
    ),
    element("span", { "data-value": record.others(layer) }, number(record.others(layer))),
    ...[0, 1].map((sentence) => tokenLabel(record.read(sentence, layer)[0].text)),
  ]);
  const table = dataTable({
    caption: LABELS.table(record.word),
    columns: LABELS.columns,
    rows,
  });
  table.classList.add("layers");
  [...table.tBodies[0].rows].forEach((row, layer) =>
    row.addEventListener("click", () => choose(layer)),
  );
  return table;
}

/** The tokens that lead in one sentence at the chosen layer. */
function readTable(record, sentence) {
  const rows = record
    .read(sentence, record.layer)
    .map(({ text, share }) => [tokenLabel(text), percent(share, 2)]);
  return dataTable({
    caption: LABELS.read(LABELS.sentences[sentence], record.layer),
    columns: LABELS.readColumns,
    rows,
  });
}
