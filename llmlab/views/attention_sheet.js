// All heads of an AttentionView as small maps, to choose one from.

/** The contact sheet: a small map for each layer and head. */
function headSheet(record, { choose }) {
  const cells = [];
  const rows = [];
  for (let head = 0; head < record.heads; head++) {
    const maps = Array.from({ length: record.layers }, (_, layer) => {
      const cell = element(
        "div",
        { role: "gridcell", class: "head-cell", click: () => choose({ layer, head }) },
        element("canvas", { width: record.nKeys, height: record.length, "aria-hidden": "true" }),
      );
      cells.push(cell);
      return cell;
    });
    const header = element("div", { role: "rowheader", class: "head-label" }, LABELS.head(head));
    rows.push(element("div", { role: "row", class: "head-row" }, header, maps));
  }
  const layerNames = Array.from({ length: record.layers }, (_, layer) =>
    element("div", { role: "columnheader", class: "layer-label" }, String(layer)),
  );
  const corner = element("div", { role: "columnheader", class: "head-label" }, LABELS.layer);
  const grid = element(
    "div",
    {
      role: "grid",
      class: "head-grid",
      "aria-label": LABELS.heads,
      style: { "--layers": record.layers },
    },
    element("div", { role: "row", class: "head-row" }, corner, layerNames),
    rows,
  );
  const place = (index) => ({
    layer: index % record.layers,
    head: Math.floor(index / record.layers),
  });
  const keys = gridKeys(grid, {
    cells: () => cells,
    columns: () => record.layers,
    chosen: (index) => choose(place(index)),
  });

  const paint = (theme) => {
    const colours = Array.from({ length: 256 }, (_, i) => [...rampColour(i / 255, theme), 255]);
    cells.forEach((cell, index) => {
      const { layer, head } = place(index);
      paintMap(cell.firstChild, record, layer, head, colours);
      cell.setAttribute("aria-label", LABELS.headCell(layer, head, peakWords(record, layer, head)));
    });
  };
  const mark = () => {
    const index = record.head * record.layers + record.layer;
    cells.forEach((cell, i) => cell.setAttribute("aria-selected", String(i === index)));
    if (!grid.contains(grid.getRootNode().activeElement)) keys.enter(index);
    reveal(grid.parentNode, cells[index]);
  };
  const node = element(
    "div",
    { class: "heads" },
    element("h4", {}, LABELS.heads),
    element("div", { class: "llmlab-scroll" }, grid),
    element("p", { class: "llmlab-quiet" }, LABELS.headsHelp),
  );
  return { node, paint, mark };
}

/** Scrolls a box sideways, where it is narrower than its content, until an element in it is seen. */
function reveal(box, node) {
  const [outer, inner] = [box.getBoundingClientRect(), node.getBoundingClientRect()];
  if (inner.left < outer.left || inner.right > outer.right) {
    box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }
}

/** One pixel for each pair of positions; the page scales it up without smoothing. */
function paintMap(canvas, record, layer, head, colours) {
  const [width, height] = [record.nKeys - record.start, record.length - record.start];
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  for (let query = 0; query < height; query++) {
    for (let key = 0; key < width; key++) {
      const share = record.weight(query + record.start, key + record.start, layer, head);
      image.data.set(colours[Math.round(share * 255)], 4 * (query * width + key));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function peakWords(record, layer, head) {
  let peak = null;
  for (let query = record.start; query < record.length; query++) {
    for (let key = record.start; key < record.nKeys; key++) {
      const share = record.weight(query, key, layer, head);
      if (!peak || share > peak.share) peak = { query, key, share };
    }
  }
  return LABELS.peak(record.name(peak.query), record.keyName(peak.key), percent(peak.share));
}
