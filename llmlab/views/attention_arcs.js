// The tokens of an AttentionView in a line, with arcs from the chosen query.

/**
 * The tokens in a line, each a button that makes it the query, under arcs to what it looks at; in
 * cross-attention under a line of the source's tokens, with curves between the two.
 */
function arcDiagram(record, { choose, say }) {
  const narrowest = record.length <= 9 ? 72 : 56;
  const widthOf = (text) => Math.min(Math.max(15 * widthInEms(text) + 20, narrowest), 120);
  const widths = record.texts.map(widthOf);
  const keyWidths = record.keyTexts.map(widthOf);
  const height = Math.min(40 + 11 * record.length, 130);
  const buttons = record.texts.map((text, position) =>
    element(
      "button",
      {
        type: "button",
        role: "radio",
        click: () => choose({ query: position }),
        mouseenter: record.isCross ? null : () => say(record.words(record.query, position)),
      },
      tokenLabel(text),
      record.isCross ? "" : element("span", { class: "share" }),
    ),
  );
  const sourceCells = record.keyTexts.map((text, key) =>
    element(
      "div",
      { mouseenter: () => say(record.words(record.query, key)) },
      tokenLabel(text),
      element("span", { class: "share" }),
    ),
  );
  const sourceLine = element("div", { class: "token-line source-line" }, sourceCells);
  const line = element(
    "div",
    { role: "radiogroup", class: "token-line", "aria-label": LABELS.choose },
    buttons,
  );
  const shown = () => buttons.slice(record.start);
  const keys = gridKeys(line, {
    cells: shown,
    columns: () => shown().length,
    chosen: (index) => choose({ query: index + record.start }),
  });
  const arcs = drawing("svg", { role: "img", class: "arcs" });
  const box = element(
    "div",
    { class: "arc-box", mouseleave: () => say(null) },
    record.isCross ? sourceLine : "",
    arcs,
    line,
  );

  const paint = () => {
    const shownWidths = widths.slice(record.start);
    const total = (values) => values.reduce((sum, width) => sum + width, 0);
    const centreIn = (all) => (i) => total(all.slice(record.start, i)) + all[i] / 2;
    const [centre, keyCentre] = [centreIn(widths), centreIn(keyWidths)];
    const columns = (all) => all.map((width) => `${width}px`).join(" ");
    line.style.gridTemplateColumns = columns(shownWidths);
    sourceLine.style.gridTemplateColumns = columns(keyWidths);
    arcs.setAttribute(
      "width",
      record.isCross ? Math.max(total(widths), total(keyWidths)) : total(shownWidths),
    );
    arcs.setAttribute("height", height);
    const strongest = record.strongest(record.query);
    const weakestFirst = [...strongest].reverse(); // the strongest arc on top
    arcs.replaceChildren(
      ...weakestFirst.map((key) =>
        (record.isCross ? link : arc)(
          centre(record.query),
          keyCentre(key),
          height,
          record.weight(record.query, key),
        ),
      ),
    );
    const list = strongest.map(
      (key) => `${record.keyName(key)} ${percent(record.weight(record.query, key))}`,
    );
    arcs.setAttribute("aria-label", LABELS.arcs(record.name(record.query), list.join(", ")));
  };
  const mark = () => {
    buttons.forEach((button, position) => {
      button.hidden = position < record.start;
      button.setAttribute("aria-checked", String(position === record.query));
      if (record.isCross) return;
      const masked = record.masked(record.query, position);
      button.lastChild.textContent = masked ? "–" : percent(record.weight(record.query, position));
    });
    if (record.isCross) {
      sourceCells.forEach((cell, key) => {
        cell.lastChild.textContent = percent(record.weight(record.query, key));
      });
    }
    if (!line.contains(line.getRootNode().activeElement)) {
      keys.enter(Math.max(record.query - record.start, 0));
    }
    reveal(box.parentNode, buttons[record.query]);
  };
  const node = element(
    "div",
    { class: "arc-part" },
    element("h4", {}, LABELS.choose),
    element("div", { class: "llmlab-scroll" }, box),
  );
  return { node, paint, mark };
}

/** An arc between two places on the base line; a loop where they are the same. */
function arc(from, to, height, share) {
  const base = height - 2;
  const high = Math.min(26 + 0.32 * Math.abs(from - to), height - 12) / 0.75;
  const curve =
    from === to
      ? `M ${from - 9} ${base} C ${from - 34} ${base - 48}, ${to + 34} ${base - 48}, ${to + 9} ${base}`
      : `M ${from} ${base} C ${from} ${base - high}, ${to} ${base - high}, ${to} ${base}`;
  return stroke(curve, share);
}

/** A curve from a query on the base line up to a key of the source above. */
function link(from, to, height, share) {
  const [base, middle] = [height - 2, height / 2];
  return stroke(`M ${from} ${base} C ${from} ${middle}, ${to} ${middle}, ${to} 2`, share);
}

function stroke(d, share) {
  return drawing("path", {
    d,
    "stroke-width": (0.75 + 11 * share).toFixed(2),
    "stroke-opacity": (0.25 + 0.6 * share).toFixed(2),
  });
}
