// The candidates of a NextTokenView: p before and after the filters.

const SHORT = 10; // rows of the table before the reader asks for all of them

function fillTable(box, step, result, { showAll, choose, place }) {
  const shown = result.rows
    .map((row, i) => i)
    .filter((i) => showAll || i < SHORT || i === step.chosen || i === result.drawn);
  const listed = step.ids.reduce((total, id, i) => total + probability(step, i), 0);
  const rest = Math.max(0, 1 - listed);
  const largest = Math.max(
    probability(step, 0),
    rest,
    result.restSampling,
    ...result.rows.map((row) => row.sampling),
  );
  const columns = choose ? [...LABELS.columns, ""] : LABELS.columns;
  const rows = shown.map((i) => {
    const row = result.rows[i];
    const filter = row.kept ? LABELS.kept : LABELS.cutBy(row.cutBy);
    // On a phone this line stands for three columns.
    const line = LABELS.small(step.ids[i], number(step.logits[i], 2));
    const words = row.kept ? line : `${line}, ${filter}`;
    const small = element("span", { class: "llmlab-small" }, words);
    const cells = [
      element("span", {}, tokenLabel(step.texts[i]), marks(step, result, i), small),
      String(step.ids[i]),
      number(step.logits[i], 2),
      share(probability(step, i), largest),
      row.kept ? share(row.sampling, largest) : "–",
      row.kept ? percent(row.cumulative, 2) : "–",
      filter,
    ];
    if (choose) cells.push(chooseButton(step, i, choose));
    return cells;
  });
  const more = result.restSampling > 0 ? share(result.restSampling, largest) : "–";
  rows.push([
    LABELS.rest(counted(step.others)),
    "",
    "",
    share(rest, largest),
    more,
    "",
    restFilter(step, result),
    ...(choose ? [""] : []),
  ]);
  const all = step.others + step.ids.length;
  const caption = LABELS.caption(place + 1, counted(result.keptTokens), counted(all));
  const table = dataTable({ caption, columns, rows });
  shown.forEach((i, line) => {
    const tr = table.tBodies[0].rows[line];
    tr.dataset.id = step.ids[i];
    if (i === step.chosen) tr.classList.add("llmlab-chosen");
    if (!result.rows[i].kept) tr.classList.add("llmlab-cut");
  });
  table.tBodies[0].rows[shown.length].className = "llmlab-rest";
  box.replaceChildren(table);
}

const counted = (value) => value.toLocaleString("en");

/** What became of the tokens that are not listed. */
function restFilter(step, { restKept }) {
  if (restKept === 0) return LABELS.restCut;
  return restKept < step.others ? LABELS.restInPart : LABELS.kept;
}

/** A probability as a number over a bar; the number itself stays readable by a program. */
function share(value, largest) {
  const bar = element("span", {
    class: "llmlab-bar",
    style: { width: `${(100 * value) / largest}%` },
  });
  return element("span", { class: "llmlab-share", "data-value": value }, percent(value, 2), bar);
}

function marks(step, result, i) {
  const words = [];
  if (i === step.chosen) words.push(step.forced ? LABELS.byHand : LABELS.drawn);
  if (i === result.drawn && i !== step.chosen)
    words.push(step.forced ? LABELS.drawn : LABELS.wouldBeDrawn);
  return words.map((word) => element("span", { class: "llmlab-mark" }, word));
}

function chooseButton(step, i, choose) {
  if (i === step.chosen) return "";
  const label = LABELS.takeWords(visible(step.texts[i]));
  return element(
    "button",
    { type: "button", "aria-label": label, click: () => choose(i) },
    LABELS.take,
  );
}
