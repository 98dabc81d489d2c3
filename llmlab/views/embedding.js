// Words as vectors: how alike their embeddings are, which tokens lie nearest, and a map.

function render({ model, el }) {
  const root = viewRoot(el, "embedding", "Embeddings of words");
  const words = model.get("words");
  const cosines = decodeArray(model.get("cosines"));
  const live = liveLine();
  const chips = element("div", { class: "llmlab-words", role: "radiogroup", "aria-label": "Word" });
  const matrix = element("div", { class: "llmlab-matrix" });
  const neighbours = element("div", { class: "llmlab-neighbours" });
  const map = element("div", { class: "llmlab-map" });
  root.append(
    element("h3", {}, `How alike are these words to ${model.get("model_name")}?`),
    chips,
    live,
    element("div", { class: "llmlab-columns" }, matrix, neighbours),
    map,
  );

  const choose = (word) => save(model, { word });
  const buttons = words.map((word, i) =>
    element(
      "button",
      { type: "button", role: "radio", class: "llmlab-chip", click: () => choose(i) },
      tokenLabel(word.text),
    ),
  );
  chips.append(...buttons);
  gridKeys(chips, { cells: () => buttons, columns: () => buttons.length, focused: choose });

  const heat = heatMap(words, cosines, (text) => (live.textContent = text));
  matrix.append(scrollBox("Cosine similarities", heat.table), heat.legend);
  const drawn = wordMap(model, words);
  map.append(drawn.box);

  function show() {
    const word = model.get("word");
    buttons.forEach((button, i) => {
      button.setAttribute("aria-checked", i === word);
      button.tabIndex = i === word ? 0 : -1;
    });
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
  const name = words[word].text;
  const nearest = words[word].neighbours[0];
  const others = words.map((_, i) => i).filter((i) => i !== word);
  const start =
    `“${visible(name)}”: nearest token in the whole vocabulary is “${visible(nearest.text)}” ` +
    `(cosine ${number(nearest.cosine)})`;
  const closest = others.reduce((best, i) =>
    cosines.at(word, i) > cosines.at(word, best) ? i : best,
  );
  const cosine = number(cosines.at(word, closest));
  return (
    `${start}; among these words “${visible(words[closest].text)}” (${cosine}).` +
    tokensOf(words[word])
  );
}

function tokensOf({ tokens }) {
  if (tokens.length === 1) return "";
  return ` Its vector is the mean of ${tokens.length} tokens': ${tokens.map(visible).join(" ")}.`;
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
  const caption = element(
    "span",
    {},
    "Nearest tokens to “",
    tokenLabel(word.text),
    "” in the whole vocabulary",
  );
  return dataTable({ caption, columns: ["Token", "Id", "Cosine"], rows });
}

export default { render };
