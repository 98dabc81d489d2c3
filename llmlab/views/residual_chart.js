// Two small charts of a ResidualView over the layers: the followed token's probability, and what
// each part adds to its final logit. The table below has every number.

const LENS_CHART = { left: 44, right: 12, share: 96, gap: 40, parts: 120, foot: 34, widest: 720 };

function lensChart(record) {
  const svg = drawing("svg", { role: "img", class: "chart" });
  const draw = (width) => {
    const across = Math.min(width, LENS_CHART.widest);
    const top = 24;
    const floor = top + LENS_CHART.share;
    const ceiling = floor + LENS_CHART.gap;
    const end = record.hasParts ? ceiling + LENS_CHART.parts : floor;
    const height = end + LENS_CHART.foot;
    const step = (across - LENS_CHART.left - LENS_CHART.right) / (record.rows - 0.5);
    const x = (layer) => LENS_CHART.left + step * (layer + 0.25);
    furnish(svg, { width: across, height, viewBox: `0 0 ${across} ${height}` }, []);
    svg.setAttribute("aria-label", chartWords(record));
    svg.replaceChildren(
      drawing("line", {
        class: "chosen-row",
        x1: x(record.layer),
        x2: x(record.layer),
        y1: top,
        y2: end,
      }),
      ...shareLine(record, x, [floor, top], across),
      ...(record.hasParts ? partBars(record, x, step, [ceiling, end], across) : []),
      ...layerTicks(record.rows, x, step, end, across),
    );
  };
  return { node: svg, draw };
}

/** The probability through the layers, 0 to 100 %. */
function shareLine(record, x, [floor, top], across) {
  const y = (share) => floor + (top - floor) * share;
  const layers = Array.from({ length: record.rows }, (_, layer) => layer);
  const points = layers.map((layer) => [x(layer).toFixed(1), y(record.share(layer)).toFixed(1)]);
  return [
    ...[0, 0.5, 1].flatMap((share) => levelLine(y(share), LABELS.axis(share), across)),
    unit(LABELS.shareAxis(record.target), top - 12),
    drawing("path", { class: "share-line", d: `M${points.map(String).join("L")}` }),
    ...points.map(([cx, cy], layer) =>
      drawing("circle", { class: "share-dot", cx, cy, r: 3.2, "data-value": record.share(layer) }),
    ),
  ];
}

/** What attention and feed-forward of each layer add to the logit, beside each other. */
function partBars(record, x, step, [top, floor], across) {
  const layers = Array.from({ length: record.rows - 1 }, (_, index) => index + 1);
  const parts = layers.map((layer) => [record.attention(layer), record.feedforward(layer)]);
  const all = [record.embedding, ...parts.flat(), 0];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const y = (value) => floor - ((value - least) / (most - least || 1)) * (floor - top - 4);
  const bar = (kind, value, left, width) =>
    drawing("rect", {
      class: `part ${kind}`,
      x: left.toFixed(1),
      width: width.toFixed(1),
      y: Math.min(y(value), y(0)).toFixed(1),
      height: Math.abs(y(value) - y(0)).toFixed(1),
      "data-value": value,
    });
  const width = step * 0.36;
  const levels = [most, 0, least].filter(
    (value) => value === 0 || Math.abs(y(value) - y(0)) > 12, // so that the numbers keep apart
  );
  return [
    ...levels.flatMap((value) => levelLine(y(value), value === 0 ? "0" : signed(value, 1), across)),
    unit(LABELS.partAxis(record.target), top - 12),
    bar("embedding", record.embedding, x(0) - width / 2, width),
    // A layer's bars end at its row: they stand between the row before it and its own.
    ...parts.flatMap(([attention, feedforward], index) => [
      bar("attention", attention, x(index + 1) - 2 * width - 1, width),
      bar("feedforward", feedforward, x(index + 1) - width, width),
    ]),
  ];
}

function levelLine(y, label, across) {
  return [
    drawing("line", {
      class: "level",
      x1: LENS_CHART.left,
      x2: across - LENS_CHART.right,
      y1: y,
      y2: y,
    }),
    drawing("text", { x: LENS_CHART.left - 5, y: y + 4, "text-anchor": "end" }, label),
  ];
}

function unit(words, y) {
  return drawing("text", { class: "unit", x: 0, y }, words);
}

function layerTicks(rows, x, step, end, across) {
  const every = [1, 2, 3, 6, 12, 24].find((count) => count * step >= 22) ?? 48;
  const ticks = [];
  for (let layer = 0; layer < rows; layer += every) {
    ticks.push(
      drawing("text", { x: x(layer), y: end + 14, "text-anchor": "middle" }, String(layer)),
    );
  }
  const middle = (LENS_CHART.left + across) / 2;
  const words = drawing(
    "text",
    { class: "unit", x: middle, y: end + 29, "text-anchor": "middle" },
    LABELS.layersAxis,
  );
  return [...ticks, words];
}

function chartWords(record) {
  const best = Array.from({ length: record.rows }, (_, layer) => layer).reduce((a, b) =>
    record.share(b) > record.share(a) ? b : a,
  );
  return LABELS.chart(
    record.target,
    percent(record.share(0)),
    percent(record.share(record.rows - 1)),
    best,
    percent(record.share(best)),
  );
}

/** A number with its sign, plus included. */
function signed(value, digits = 2) {
  const text = number(value, digits);
  return value > 0 && Number(value.toFixed(digits)) !== 0 ? `+${text}` : text;
}
