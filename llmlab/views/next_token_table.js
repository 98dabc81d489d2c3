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
  const columns = ["Token", "Id", "Logit", "p", "Sampling p", "Cumu\u00adlative", "Filter"];
  if (choose) columns.push("");
  const rows = shown.map((i) => {
    const row = result.rows[i];
    // On a phone this line stands for three columns.
    const filter = row.kept ? "kept" : `cut by ${row.cutBy}`;
    const small = element(
      "span",
      { class: "llmlab-small" },
      `id ${step.ids[i]}, logit ${number(step.logits[i], 2)}${row.kept ? "" : `, ${filter}`}`,
    );
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
    `${step.others.toLocaleString("en")} other tokens together`,
    "",
    "",
    share(rest, largest),
    more,
    "",
    result.restKept === 0 ? "cut" : result.restKept < step.others ? "kept in part" : "kept",
    ...(choose ? [""] : []),
  ]);
  const caption =
    `Step ${place + 1}: the likeliest next tokens; ${result.keptTokens.toLocaleString("en")} of ` +
    `${(step.others + step.ids.length).toLocaleString("en")} are kept`;
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
  if (i === step.chosen) words.push(step.forced ? "chosen by hand" : "drawn");
  if (i === result.drawn && i !== step.chosen)
    words.push(step.forced ? "drawn" : "would be drawn now");
  return words.map((word) => element("span", { class: "llmlab-mark" }, word));
}

function chooseButton(step, i, choose) {
  if (i === step.chosen) return "";
  const label = `Take ${visible(step.texts[i])} instead and generate on`;
  return element(
    "button",
    { type: "button", "aria-label": label, click: () => choose(i) },
    "Take it",
  );
}
