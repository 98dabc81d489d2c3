// The cosine matrix of an EmbeddingView.

/** The cosines as a table whose cells are coloured: the numbers are the picture's own labels. */
function heatMap(words, cosines, tell) {
  const columns = ["", ...words.map((word) => tokenLabel(word.text))];
  const rows = words.map((word, i) => [
    tokenLabel(word.text),
    ...words.map((_, j) => number(cosines.at(i, j), 3)),
  ]);
  const table = dataTable({ caption: LABELS.matrix, columns, rows });
  table.classList.add("llmlab-heat");
  const cells = [...table.querySelectorAll("td")];
  const size = words.length;
  const name = (word) => LABELS.quoted(visible(words[word].text));
  const value = (index) => cosines.at(Math.floor(index / size), index % size);
  const tellCell = (index) =>
    tell(LABELS.pair(name(Math.floor(index / size)), name(index % size), number(value(index), 4)));
  gridKeys(table, { cells: () => cells, columns: () => size, focused: tellCell }).enter(0);
  cells.forEach((cell, index) => cell.addEventListener("mouseenter", () => tellCell(index)));

  const least = Math.min(0, ...cosines.data);
  const share = (cosine) => (cosine - least) / (1 - least);
  const swatch = element("span", { class: "llmlab-ramp", "aria-hidden": "true" });
  const legend = element(
    "p",
    { class: "llmlab-quiet llmlab-legend" },
    number(least, 2),
    swatch,
    "1",
  );
  return {
    table,
    legend,
    mark: (word) =>
      [...table.tBodies[0].rows].forEach((row, i) =>
        row.classList.toggle("llmlab-chosen", i === word),
      ),
    colour(theme) {
      cells.forEach((cell, index) => {
        const colour = rampColour(share(value(index)), theme);
        cell.style.setProperty("background", cssColour(colour));
        cell.style.setProperty("color", inkOn(colour));
      });
      const stops = [0, 1, 2, 3, 4, 5, 6].map((i) => cssColour(rampColour(i / 6, theme)));
      swatch.style.setProperty("background", `linear-gradient(to right, ${stops.join(", ")})`);
    },
  };
}
