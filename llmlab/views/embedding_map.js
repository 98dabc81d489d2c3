// The map of an EmbeddingView: words and their nearest tokens on two principal axes.

const MAP = { widest: 860, lowest: 300, highest: 460, margin: 40, letters: 13 }; // pixels

/** Words and neighbours on two principal axes; labelled are the words and the chosen one's. */
function wordMap(model, words) {
  const points = model.get("points");
  const variance = model.get("explained_variance");
  const svg = drawing("svg", { class: "llmlab-plot", role: "img" });
  const share = variance[0] + variance[1];
  const description = LABELS.mapWords(
    points.length,
    ...[share, variance[0], variance[1]].map((each) => percent(each)),
    model.get("dimensions"),
  );
  svg.setAttribute("aria-label", LABELS.mapLabel(description));
  const rows = () =>
    points.map((point) => [
      tokenLabel(point.text),
      point.word === null ? LABELS.neighbour : LABELS.word,
      number(point.x),
      number(point.y),
    ]);
  const table = disclosure(LABELS.mapTable, () =>
    scrollBox(
      LABELS.mapBox,
      dataTable({ caption: LABELS.mapCaption, columns: LABELS.mapColumns, rows: rows() }),
    ),
  );
  const box = element(
    "div",
    {},
    element("h4", {}, LABELS.map),
    svg,
    element("p", { class: "llmlab-quiet" }, description),
    table,
  );
  return { box, show: (word) => drawMap(svg, points, word) };
}

/** As wide as there is room, so that letters keep their size on a phone. */
function sizeOf(svg) {
  const width = Math.min(svg.parentElement.clientWidth || MAP.widest, MAP.widest);
  return { width, height: Math.min(Math.max(0.6 * width, MAP.lowest), MAP.highest) };
}

/** From coordinates to the drawing, the same scale on both axes so that distances compare. */
function scales(points, { width, height }) {
  const range = (axis) => {
    const values = points.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [left, right] = range("x");
  const [low, high] = range("y");
  const unit = Math.min(
    (width - 2 * MAP.margin) / (right - left || 1),
    (height - 2 * MAP.margin) / (high - low || 1),
  );
  const across = (width - unit * (right - left)) / 2;
  const down = (height - unit * (high - low)) / 2;
  return ({ x, y }) => ({ x: across + unit * (x - left), y: down + unit * (high - y) });
}

function drawMap(svg, points, word) {
  const size = sizeOf(svg);
  const place = scales(points, size);
  furnish(
    svg,
    { viewBox: `0 0 ${size.width} ${size.height}`, width: size.width, height: size.height },
    [],
  );
  const kind = (point) => {
    if (point.word === word) return "chosen";
    if (point.word !== null) return "word";
    return point.near.includes(word) ? "near" : "far";
  };
  const order = { far: 0, near: 1, word: 2, chosen: 3 };
  const marked = points
    .map((point) => ({ ...place(point), kind: kind(point), text: visible(point.text) }))
    .sort((a, b) => order[a.kind] - order[b.kind]);
  const dots = marked.map(({ x, y, kind, text }) =>
    drawing(
      "circle",
      {
        cx: x,
        cy: y,
        r: kind === "far" || kind === "near" ? 3.5 : 5.5,
        class: `llmlab-dot llmlab-${kind}`,
      },
      drawing("title", {}, text),
    ),
  );
  svg.replaceChildren(...dots);
  // The most important labels choose their places first; a neighbour's that finds none is left
  // to the table.
  const taken = marked.map(({ x, y, kind }) => ({
    left: x - 4,
    right: x + 4,
    top: y - 4,
    bottom: y + 4,
    far: kind === "far",
  }));
  for (const point of [...marked].reverse()) {
    if (point.kind === "far") continue;
    const label = drawing(
      "text",
      { class: `llmlab-label llmlab-${point.kind}`, "font-size": MAP.letters },
      point.text,
    );
    svg.append(label);
    const spot = freeSpot(
      point,
      label.getComputedTextLength(),
      size,
      taken,
      point.kind === "near" ? [7] : [7, 20, 34, 50],
    );
    if (!spot) {
      label.remove();
      continue;
    }
    label.setAttribute("x", spot.left);
    label.setAttribute("y", spot.top + MAP.letters * 0.9);
    taken.push(spot);
    if (spot.gap > 7) svg.prepend(leader(point, spot));
  }
}

/** A line from a point to a label that found no place beside it. */
function leader({ x, y }, spot) {
  const x2 = Math.min(Math.max(x, spot.left), spot.right);
  const y2 = Math.min(Math.max(y, spot.top), spot.bottom);
  return drawing("line", { class: "llmlab-leader", x1: x, y1: y, x2, y2 });
}

/** The nearest place around a point where a label of this width covers nothing, or undefined. */
function freeSpot({ x, y }, width, size, taken, gaps) {
  const height = MAP.letters + 2;
  const around = (gap) => [
    [x + gap, y - height / 2],
    [x - gap - width, y - height / 2],
    [x - width / 2, y - gap - height],
    [x - width / 2, y + gap],
    [x + gap, y - gap - height / 2],
    [x + gap, y + gap - height / 2],
    [x - gap - width, y - gap - height / 2],
    [x - gap - width, y + gap - height / 2],
  ];
  const spots = gaps.flatMap((gap) =>
    around(gap).map(([left, top]) => ({
      gap,
      left,
      top,
      right: left + width,
      bottom: top + height,
    })),
  );
  const inside = (spot) =>
    spot.left > 0 && spot.right < size.width && spot.top > 0 && spot.bottom < size.height;
  const overlaps = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  // A label may cover the dots of what is not asked about rather than be missing.
  const free = (spot, marks) => !marks.some((mark) => overlaps(spot, mark));
  const labels = taken.filter((mark) => !mark.far);
  return (
    spots.find((spot) => inside(spot) && free(spot, taken)) ??
    (gaps.length > 1 ? spots.find((spot) => inside(spot) && free(spot, labels)) : undefined)
  );
}
