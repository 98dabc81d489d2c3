// Words as vectors: how alike their embeddings are, which tokens lie nearest, and a map.

const LABELS = {
  view: "Embeddings of words",
  title: (model) => `How alike are these words to ${model}?`,
  choose: "Word",
  quoted: (word) => `“${word}”`,
  matrix: "Cosine of each pair of words",
  matrixBox: "Cosine similarities",
  pair: (one, other, cosine) => `${one} and ${other}: cosine ${cosine}`,
  nearest: (word, token, cosine) =>
    `${word}: nearest token in the whole vocabulary is ${token} (cosine ${cosine})`,
  closest: (word, cosine) => `among these words ${word} (${cosine}).`,
  mean: (count, tokens) => `Its vector is the mean of ${count} tokens': ${tokens}.`,
  neighbours: ["Nearest tokens to “", "” in the whole vocabulary"], // the word between
  neighbourColumns: ["Token", "Id", "Cosine"],
  map: "A map of two axes",
  mapWords: (points, share, first, second, dimensions) =>
    `The two axes that spread these ${points} vectors most carry ${share} of their variance ` +
    `(${first} and ${second}); what is close here need not be close in all ` +
    `${dimensions} dimensions.`,
  mapLabel: (words) =>
    `Map of words and their nearest tokens. ${words} The table below has every point.`,
  mapTable: "The map as a table",
  mapBox: "Points of the map",
  mapCaption: "Coordinates on the two axes",
  mapColumns: ["Token", "Kind", "Axis 1", "Axis 2"],
  word: "word",
  neighbour: "neighbour",
};

function render({ model, el }) {
  const root = viewRoot(el, "embedding", LABELS.view);
  const words = model.get("words");
  const cosines = decodeArray(model.get("cosines"));
  const live = liveLine();
  const chips = tokenChips(
    LABELS.choose,
    words.map(({ text }) => text),
    (word) => save(model, { word }),
  );
  const matrix = element("div", { class: "llmlab-matrix" });
  const neighbours = element("div", { class: "llmlab-neighbours" });
  const map = element("div", { class: "llmlab-map" });
  root.append(
    element("h3", {}, LABELS.title(model.get("model_name"))),
    chips.box,
    live,
    element("div", { class: "llmlab-columns" }, matrix, neighbours),
    map,
  );

  const heat = heatMap(words, cosines, (text) => (live.textContent = text));
  matrix.append(scrollBox(LABELS.matrixBox, heat.table), heat.legend);
  const drawn = wordMap(model, words);
  map.append(drawn.box);

  function show() {
    const word = model.get("word");
    chips.mark(word);
    heat.mark(word);
    neighbours.replaceChildren(neighbourTable(words[word]));
    drawn.show(word);
    live.textContent = summary(words, cosines, word);
  }

  const forget = [
    followTheme((theme) => {
      root.dataset.theme = theme;
      heat.colour(theme);
    }),
    listen(model, ["word"], show),
  ];
  show();
  // Labels are placed by their measured widths, which are known once the view is in the page.
  let width = 0;
  const measure = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return; // the height follows from drawing itself
    width = contentRect.width;
    drawn.show(model.get("word"));
  });
  measure.observe(map);
  return () => {
    measure.disconnect();
    forget.forEach((end) => end());
  };
}

function summary(words, cosines, word) {
  const name = (text) => LABELS.quoted(visible(text));
  const nearest = words[word].neighbours[0];
  const others = words.map((_, i) => i).filter((i) => i !== word);
  const start = LABELS.nearest(name(words[word].text), name(nearest.text), number(nearest.cosine));
  const closest = others.reduce((best, i) =>
    cosines.at(word, i) > cosines.at(word, best) ? i : best,
  );
  const among = LABELS.closest(name(words[closest].text), number(cosines.at(word, closest)));
  return `${start}; ${among}${tokensOf(words[word])}`;
}

function tokensOf({ tokens }) {
  if (tokens.length === 1) return "";
  return ` ${LABELS.mean(tokens.length, tokens.map(visible).join(" "))}`;
}

function neighbourTable(word) {
  const largest = Math.max(...word.neighbours.map((near) => near.cosine));
  const rows = word.neighbours.map((near) => [
    tokenLabel(near.text),
    String(near.id),
    element(
      "span",
      { class: "llmlab-share", "data-value": near.cosine },
      number(near.cosine),
      element("span", {
        class: "llmlab-bar",
        style: { width: `${Math.max(0, (100 * near.cosine) / largest)}%` },
      }),
    ),
  ]);
  const [before, after] = LABELS.neighbours;
  const caption = element("span", {}, before, tokenLabel(word.text), after);
  return dataTable({ caption, columns: LABELS.neighbourColumns, rows });
}

export default { render };
