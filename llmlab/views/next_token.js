// The next-token table of a generation, step by step. The page re-filters the recorded logits
// itself: temperature, then top-k, then top-p, as llmlab/sampling.py does it.

function render({ model, el }) {
  const root = viewRoot(el, "next-token", "Next-token table, step by step");
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
    const choose = model.get("kernel") && model.get("can_branch") ? branchFrom : null;
    fillTable(table, step, result, { showAll, choose, place: index() });
    const hidden = step.ids.length > SHORT;
    more.hidden = !hidden;
    more.textContent = showAll
      ? `Show the first ${SHORT}`
      : `Show all ${step.ids.length} candidates`;
    more.setAttribute("aria-expanded", showAll);
    live.textContent = sentence(step, index(), decoded.length, result, settings);
    problem.textContent = model.get("status");
    note.textContent = noteText(step, model.get("kernel"), model.get("can_branch"));
  }

  function branchFrom(row) {
    waiting = true;
    live.textContent = `Generating on from ${visible(current().texts[row])} …`;
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
  const name = (row) => `“${visible(step.texts[row])}”`;
  const chosen = `${name(step.chosen)} (p ${percent(probability(step, step.chosen), 2)})`;
  const how = step.forced ? "chosen by hand" : `picked by the draw ${number(step.draw, 4)}`;
  const start = `Step ${index + 1} of ${count}: ${chosen}, ${how}.`;
  if (!settings || step.forced) return start;
  if (result.drawn < 0)
    return `${start} With these settings the same draw falls on a token that is not listed.`;
  const now = result.drawn === step.chosen ? "still picks it" : `would pick ${name(result.drawn)}`;
  const sampling = percent(result.rows[result.drawn].sampling, 2);
  return `${start} With these settings the same draw ${now} (${sampling}).`;
}

function noteText(step, kernel, canBranch) {
  const filtered =
    "p is over the whole vocabulary at temperature 1. Other settings are worked out in the page " +
    `from the recorded logits of ${step.ids.length} candidates and a histogram of all others: ` +
    "right to 0.1 percentage points.";
  if (kernel && canBranch) return filtered;
  if (kernel)
    return `${filtered} This run was read without its model, so no other token can be tried.`;
  const elsewhere = "Taking another token needs a running kernel: open this page in";
  return `${filtered} ${elsewhere} Binder or JupyterLab.`;
}

export default { render };
