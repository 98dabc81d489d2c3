// The tables of a ResidualView, and the sum that its bars make.

function topTable(record) {
  const { layer, position } = record;
  const rows = record.table(layer, position).map(({ text, share }) => [
    tokenLabel(text),
    element(
      "span",
      { class: "with-bar" },
      element("span", { class: "bar", style: { "--share": share }, "aria-hidden": "true" }),
      percent(share, 2),
    ),
  ]);
  const caption = LABELS.table(layer, record.name(position));
  return dataTable({ caption, columns: LABELS.tableColumns, rows });
}

function numbersTwin(record) {
  const parts = (layer) => {
    if (!record.hasParts) return [];
    if (layer === 0) return [signed(record.embedding), "", ""];
    return ["", signed(record.attention(layer)), signed(record.feedforward(layer))];
  };
  const rows = Array.from({ length: record.rows }, (_, layer) => {
    const { text, share } = record.leader(layer, record.position);
    return [
      layer === 0 ? LABELS.embedding : String(layer),
      tokenLabel(text),
      percent(share),
      percent(record.share(layer)),
      ...parts(layer),
    ];
  });
  if (record.hasParts) {
    const totals = ["attention", "feedforward"].map((part) => signed(record.total(part)));
    rows.push([LABELS.twinSum, "", "", "", signed(record.embedding), ...totals]);
  }
  const table = dataTable({
    caption: LABELS.twinCaption(record.target, record.name(record.position)),
    columns: [
      ...LABELS.twinColumns,
      LABELS.twinFollowed(record.target),
      ...(record.hasParts ? LABELS.twinParts : []),
    ],
    rows,
  });
  return scrollBox(LABELS.twin, table);
}

/** The sum of all parts, and the logit that the model gave. */
function sumWords(record) {
  const parts = [
    [LABELS.kinds.embedding, record.embedding],
    [LABELS.kinds.attention, record.total("attention")],
    [LABELS.kinds.feedforward, record.total("feedforward")],
    [LABELS.biases, record.biases],
  ].filter(([name, value]) => name !== LABELS.biases || value !== 0);
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  const words = parts.map(([name, value]) => LABELS.part(name, signed(value)));
  return LABELS.sum(record.target, words.join(", "), number(total, 2), number(record.logit, 2));
}

function partsLegend() {
  const swatch = (kind) =>
    drawing(
      "svg",
      { width: 14, height: 12, "aria-hidden": "true" },
      drawing("rect", { class: `part ${kind}`, x: 1, y: 1, width: 11, height: 10 }),
    );
  return element(
    "p",
    { class: "llmlab-quiet parts-legend" },
    Object.entries(LABELS.kinds).map(([kind, words]) =>
      element("span", {}, swatch(kind), " ", words),
    ),
  );
}
