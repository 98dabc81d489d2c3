// How an AttentionView’s weights come about: score, scale, mask, softmax.

/**
 * Scores to weights for one query: times the scale, masked, and through softmax.
 * @returns {{key: number, score: number, scaled: number, reason: string|null, exp: number,
 *   weight: number}[]}
 */
function attentionSteps(record) {
  const rows = record.keyTexts.map((_, key) => {
    const score = record.score(record.query, key);
    return { key, score, scaled: score * record.scale, reason: record.masked(record.query, key) };
  });
  const largest = Math.max(...rows.filter((row) => !row.reason).map((row) => row.scaled));
  for (const row of rows) row.exp = row.reason ? 0 : Math.exp(row.scaled - largest);
  const sum = rows.reduce((total, row) => total + row.exp, 0);
  return rows.map((row) => ({ ...row, weight: row.exp / sum }));
}

/** The table of the steps, with the model's own numbers. */
function stepTable(record) {
  const node = element("div", { class: "steps" });
  const paint = () => {
    node.hidden = !record.hasSteps;
    const title = element("h4", {}, LABELS.steps(record.name(record.query)));
    if (!record.score) {
      node.replaceChildren(title, element("p", {}, LABELS.noScores));
      return;
    }
    const steps = attentionSteps(record);
    const largest = Math.max(
      ...steps.map((row) => Math.abs(row.weight - record.weight(record.query, row.key))),
    );
    const table = dataTable({
      caption: "",
      columns: [
        LABELS.stepKey,
        LABELS.stepScore,
        LABELS.stepScaled(shortNumber(record.scale)),
        LABELS.stepMasked,
        LABELS.stepExp,
        LABELS.stepWeight,
      ],
      rows: [...steps.map((row) => stepRow(record, row)), totalRow(steps)],
    });
    table.querySelector("caption").remove();
    table.setAttribute("aria-label", title.textContent);
    table.querySelectorAll("tbody tr").forEach((row, key) => {
      if (steps[key]?.reason) row.className = "masked";
    });
    const note = element(
      "p",
      { class: "llmlab-quiet" },
      LABELS.stepsNote(largest.toExponential(0)),
    );
    node.replaceChildren(title, scrollBox(title.textContent, table), note);
  };
  return { node, paint };
}

function stepRow(record, { key, score, scaled, reason, exp, weight }) {
  const bar = element("span", {
    class: "bar",
    style: { "--share": weight },
    "aria-hidden": "true",
  });
  return [
    tokenLabel(record.keyTexts[key]),
    number(score),
    number(scaled),
    reason ? LABELS.maskedBy[reason] : number(scaled),
    number(exp, 4),
    element("span", { class: "with-bar" }, bar, percent(weight, 2)),
  ];
}

function totalRow(steps) {
  const sum = (name) => steps.reduce((total, row) => total + row[name], 0);
  return [LABELS.total, "", "", "", number(sum("exp"), 4), percent(sum("weight"), 2)];
}

function shortNumber(value) {
  return String(Number(value.toPrecision(4)));
}
