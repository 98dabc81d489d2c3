// The next-token table of a generation, step by step. The page re-filters the recorded logits
// itself: temperature, then top-k, then top-p, as llmlab/sampling.py does it.

const LABELS = {
  view: "Next-token table, step by step",
  prompt: "Prompt",
  generated: "Generated tokens",
  chip: (step, token) => `Step ${step}: ${token}`,
  branch: "Branch",
  firstRun: "first run",
  fromStep: (step) => `from step ${step}`,
  branchOption: (place, name, ending) => `${place} · ${name} · ${ending}`,
  generating: (token) => `Generating on from ${token} …`,
  showFirst: (count) => `Show the first ${count}`,
  showAll: (count) => `Show all ${count} candidates`,
  settings: "How the next token is drawn",
  temperature: "Temperature",
  topK: "Top-k",
  topP: "Top-p",
  off: "off",
  back: "Back to the recorded settings",
  bar: "Kept candidates, as wide as they are likely; ▼ the draw",
  others: "others",
  unlisted: "a token that is not listed",
  falls: (draw, token) => `The draw ${draw} falls on ${token}.`,
  columns: ["Token", "Id", "Logit", "p", "Sampling p", "Cumu\u00adlative", "Filter"],
  caption: (step, kept, all) =>
    `Step ${step}: the likeliest next tokens; ${kept} of ${all} are kept`,
  small: (id, logit) => `id ${id}, logit ${logit}`, // on a phone: stands for three columns
  kept: "kept",
  cutBy: (filter) => `cut by ${filter}`,
  rest: (count) => `${count} other tokens together`,
  restCut: "cut",
  restInPart: "kept in part",
  drawn: "drawn",
  byHand: "chosen by hand",
  wouldBeDrawn: "would be drawn now",
  take: "Take it",
  takeWords: (token) => `Take ${token} instead and generate on`,
  quoted: (token) => `“${token}”`,
  pickedBy: (draw) => `picked by the draw ${draw}`,
  step: (place, count, token, p, how) => `Step ${place} of ${count}: ${token} (p ${p}), ${how}.`,
  sameUnlisted: "With these settings the same draw falls on a token that is not listed.",
  stillPicks: "still picks it",
  wouldPick: (token) => `would pick ${token}`,
  same: (now, share) => `With these settings the same draw ${now} (${share}).`,
  note: (candidates) =>
    "p is over the whole vocabulary at temperature 1. Other settings are worked out in the page " +
    `from the recorded logits of ${candidates} candidates and a histogram of all others: ` +
    "right to 0.1 percentage points.",
  noModel: "This run was read without its model, so no other token can be tried.",
  noKernel:
    "Another token can be taken where a model runs: in this page, where a form for your own text " +
    "stands above the table, and in Binder or JupyterLab.",
};

function render({ model, el }) {
  const root = viewRoot(el, "next-token", LABELS.view);
  const forgetTheme = followTheme((theme) => (root.dataset.theme = theme));
  let settings = null; // null: as recorded
  let showAll = false;
  let decoded = [];
  let waiting = false; // for a branch that the reader asked for

  const text = element("div", { class: "llmlab-text" });
  const branches = element("div", { class: "llmlab-branches" });
  const live = liveLine();
  const problem = element("p", { class: "llmlab-problem", role: "alert" });
  const bar = element("figure", { class: "llmlab-draw" });
  const controls = settingsPanel((next) => {
    settings = same(next, current().settings) ? null : next;
    save(model, { settings: settings ?? {} });
    show();
  });
  const table = element("div", { class: "llmlab-candidates" });
  const more = element("button", { type: "button", click: () => ((showAll = !showAll), show()) });
  const note = element("p", { class: "llmlab-quiet" });
  root.append(text, branches, live, problem, bar, controls.box, table, more, note);

  const index = () => Math.min(model.get("step"), decoded.length - 1);
  const current = () => decoded[index()];
  const goTo = (step) => save(model, { step });

  /** Decodes the steps of the chosen branch, and draws what only changes with them. */
  function open() {
    decoded = stepsOf(model.get("branches"), model.get("branch")).map(readStep);
    fillText(text, model.get("prompt"), decoded, goTo);
    fillBranches(branches, model, (branch, at) => save(model, { branch, step: at }));
    show();
    // The button that was pressed is gone; its place is taken by the token it chose.
    if (waiting) text.querySelector('[aria-checked="true"]')?.focus();
    waiting = false;
  }

  function show() {
    const step = current();
    const used = settings ?? step.settings;
    const result = refilter(step, used);
    markCurrent(text, index());
    controls.set(used, step);
    fillBar(bar, step, result);
    fitNames(bar);
    const choose = answers(model) ? branchFrom : null;
    fillTable(table, step, result, { showAll, choose, place: index() });
    const hidden = step.ids.length > SHORT;
    more.hidden = !hidden;
    more.textContent = showAll ? LABELS.showFirst(SHORT) : LABELS.showAll(step.ids.length);
    more.setAttribute("aria-expanded", showAll);
    live.textContent = sentence(step, index(), decoded.length, result, settings);
    problem.textContent = model.get("status");
    note.textContent = noteText(step, model);
  }

  function branchFrom(row) {
    waiting = true;
    live.textContent = LABELS.generating(visible(current().texts[row]));
    const { temperature, topK, topP } = settings ?? current().settings;
    const place = { branch: model.get("branch"), step: index(), id: current().ids[row] };
    model.send({ type: "branch", ...place, temperature, top_k: topK, top_p: topP });
  }

  const sized = new ResizeObserver(() => fitNames(bar));
  sized.observe(bar);
  const forget = [
    () => sized.disconnect(),
    forgetTheme,
    listen(model, ["branches", "branch"], open),
    listen(model, ["step", "status", "kernel"], show),
  ];
  open();
  return () => forget.forEach((end) => end());
}

function sentence(step, index, count, result, settings) {
  const name = (row) => LABELS.quoted(visible(step.texts[row]));
  const p = percent(probability(step, step.chosen), 2);
  const how = step.forced ? LABELS.byHand : LABELS.pickedBy(number(step.draw, 4));
  const start = LABELS.step(index + 1, count, name(step.chosen), p, how);
  if (!settings || step.forced) return start;
  if (result.drawn < 0) return `${start} ${LABELS.sameUnlisted}`;
  const now =
    result.drawn === step.chosen ? LABELS.stillPicks : LABELS.wouldPick(name(result.drawn));
  return `${start} ${LABELS.same(now, percent(result.rows[result.drawn].sampling, 2))}`;
}

/** Whether someone can go on from another token: a kernel, or the page's own engine. */
function answers(model) {
  return model.get("can_branch") && (model.get("kernel") || model.get("engine"));
}

function noteText(step, model) {
  const note = LABELS.note(step.ids.length);
  if (answers(model)) return note;
  return `${note} ${model.get("kernel") ? LABELS.noModel : LABELS.noKernel}`;
}

export default { render };
