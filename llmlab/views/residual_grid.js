// The grid of a ResidualView: layers down, tokens across, in each cell the token that leads there.

function lensGrid(record, { choose, say }) {
  const columnHeaders = record.texts.map((text) =>
    element("th", { scope: "col" }, tokenLabel(text)),
  );
  const rows = Array.from({ length: record.rows }, (_, layer) => {
    const cells = record.texts.map((_, position) => {
      const { text, share } = record.leader(layer, position);
      return element(
        "td",
        {
          role: "gridcell",
          "aria-label": record.words(layer, position),
          mouseenter: () => say(record.words(layer, position)),
          click: () => choose({ layer, position }),
        },
        element(
          "span",
          { class: "cell" },
          tokenLabel(text),
          element("span", { class: "share" }, (share * 100).toFixed(0)),
        ),
      );
    });
    const header = element("th", { scope: "row" }, layer === 0 ? LABELS.embedding : String(layer));
    return { cells, header, node: element("tr", { role: "row" }, header, cells) };
  });
  const corner = element("td", { class: "corner", "aria-hidden": "true" }, LABELS.corner);
  const grid = element(
    "table",
    { role: "grid", class: "lens", "aria-label": LABELS.grid, mouseleave: () => say(null) },
    element("thead", {}, element("tr", { role: "row" }, corner, columnHeaders)),
    element(
      "tbody",
      {},
      rows.map((row) => row.node),
    ),
  );
  const cells = rows.flatMap((row) => row.cells);
  const keys = gridKeys(grid, {
    cells: () => cells,
    columns: () => record.positions,
    focused: (index) =>
      choose({
        layer: Math.floor(index / record.positions),
        position: index % record.positions,
      }),
  });
  const box = element("div", { class: "llmlab-scroll lens-box" }, grid);
  const paint = (theme) => {
    cells.forEach((cell, index) => {
      const at = [Math.floor(index / record.positions), index % record.positions];
      const colour = rampColour(record.leader(...at).share, theme);
      cell.style.background = cssColour(colour);
      cell.style.color = inkOn(colour);
    });
  };
  const mark = () => {
    const chosen = record.layer * record.positions + record.position;
    cells.forEach((cell, index) => cell.setAttribute("aria-selected", String(index === chosen)));
    rows.forEach(({ header }, layer) => header.classList.toggle("chosen", layer === record.layer));
    columnHeaders.forEach((header, position) =>
      header.classList.toggle("chosen", position === record.position),
    );
    keys.enter(chosen);
    bringIntoBox(box, cells[chosen], rows[0].header.offsetWidth);
  };
  return { node: box, paint, mark };
}

/** Scrolls the box, and not the page, until a cell is seen beside the rows' names. */
function bringIntoBox(box, cell, covered) {
  const left = cell.offsetLeft - covered;
  const right = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
  if (box.scrollLeft > left) box.scrollLeft = left;
  else if (box.scrollLeft < right) box.scrollLeft = right;
}
