// The chosen head of an AttentionView: its map, large, with every weight in words.

/** The chosen head's map: a grid of cells that say their exact weight. */
function largeMap(record, { choose, say }) {
  const longest = Math.max(record.length, record.nKeys);
  const cellSize = longest <= 9 ? 40 : longest <= 16 ? 32 : longest <= 40 ? 18 : 12;
  const numbered = cellSize >= 32;
  // Columns' tokens stand upright only where the widest fits its column.
  const upright = Math.max(...record.keyTexts.map(widthInEms)) * 12 <= cellSize;
  const tokenHeader = (text, scope) =>
    element(
      "th",
      { scope, class: [...text].length > 1 ? "many-characters" : null },
      tokenLabel(text),
    );
  const columnHeaders = record.keyTexts.map((text) => tokenHeader(text, "col"));
  const rows = record.texts.map((text, query) => {
    const cells = record.keyTexts.map((_, key) =>
      element("td", {
        role: "gridcell",
        mouseenter: () => say(record.words(query, key)),
        click: () => choose({ query }),
      }),
    );
    const header = tokenHeader(text, "row");
    header.addEventListener("click", () => choose({ query }));
    return { cells, node: element("tr", { role: "row" }, header, cells) };
  });
  const corner = element(
    "td",
    { class: "map-corner", "aria-hidden": "true" },
    `${LABELS.query} ↓  ${LABELS.key} →`,
  );
  const grid = element(
    "table",
    {
      role: "grid",
      class: upright ? "map" : "map tall-tokens",
      style: { "--cell": `${cellSize}px` },
      mouseleave: () => say(null),
    },
    element("thead", {}, element("tr", { role: "row" }, corner, columnHeaders)),
    element(
      "tbody",
      {},
      rows.map((row) => row.node),
    ),
  );

  const shown = (item, index) => index >= record.start;
  const visibleCells = () => rows.filter(shown).flatMap((row) => row.cells.filter(shown));
  const columns = () => record.nKeys - record.start;
  const queryAt = (index) => Math.floor(index / columns()) + record.start;
  const keys = gridKeys(grid, {
    cells: visibleCells,
    columns,
    focused: (index) => say(record.words(queryAt(index), (index % columns()) + record.start)),
    chosen: (index) => choose({ query: queryAt(index) }),
  });
  grid.addEventListener("focusout", () => say(null));

  const title = element("h4", {});
  const help = element("p", { class: "llmlab-quiet" });
  const paint = (theme) => {
    title.textContent = LABELS.map(record.layer, record.head);
    help.textContent = record.isCross ? LABELS.crossMapHelp : LABELS.mapHelp(record.start === 0);
    grid.setAttribute("aria-label", title.textContent);
    columnHeaders.forEach((header, key) => (header.hidden = key < record.start));
    rows.forEach(({ cells, node }, query) => {
      node.hidden = query < record.start;
      cells.forEach((cell, key) => {
        cell.hidden = key < record.start;
        paintCell(cell, record, query, key, theme, numbered);
      });
    });
  };
  const mark = () => {
    rows.forEach(({ node }, query) =>
      node.setAttribute("aria-selected", String(query === record.query)),
    );
    const row = Math.max(record.query - record.start, 0);
    if (!grid.contains(grid.getRootNode().activeElement)) keys.enter(row * columns());
  };
  const node = element(
    "div",
    { class: "chosen-map" },
    title,
    element("div", { class: "llmlab-scroll" }, grid),
    help,
  );
  return { node, paint, mark };
}

/** About how wide a text is set, in ems: East Asian characters are as wide as they are high. */
function widthInEms(text) {
  return [...text].reduce((ems, char) => ems + (char.codePointAt(0) >= 0x1100 ? 1 : 0.6), 0);
}

function paintCell(cell, record, query, key, theme, numbered) {
  const masked = record.masked(query, key);
  const share = record.weight(query, key);
  const colour = rampColour(share, theme);
  cell.className = masked ? "masked" : "";
  cell.style.background = masked ? "" : cssColour(colour);
  cell.style.color = masked ? "" : inkOn(colour);
  cell.textContent = numbered && !masked && share >= 0.005 ? (share * 100).toFixed(0) : "";
  cell.setAttribute("aria-label", masked ? LABELS.masked : percent(share));
}
