// The text of a NextTokenView: the prompt, a chip for each generated token, and the branches.

/** The steps of a branch: its parent's up to where it leaves, then its own. */
function stepsOf(branches, index) {
  const { parent, at, steps } = branches[index];
  return parent === null ? steps : [...stepsOf(branches, parent).slice(0, at), ...steps];
}

/** The text: what was given, then one chip for each token that was generated. */
function fillText(box, prompt, steps, goTo) {
  const given = prompt.map((token) => tokenLabel(token.text));
  const chips = steps.map((step, i) =>
    element(
      "button",
      {
        type: "button",
        role: "radio",
        class: step.forced ? "llmlab-chip llmlab-forced" : "llmlab-chip",
        "aria-label": LABELS.chip(i + 1, visible(step.texts[step.chosen])),
        click: () => goTo(i),
      },
      tokenLabel(step.texts[step.chosen]),
    ),
  );
  const group = element("span", { role: "radiogroup", "aria-label": LABELS.generated }, chips);
  // One row of cells: up and down move as left and right do.
  gridKeys(group, { cells: () => chips, columns: () => chips.length, focused: goTo });
  box.replaceChildren(
    element("span", { class: "llmlab-given", role: "group", "aria-label": LABELS.prompt }, given),
    group,
  );
}

function markCurrent(box, index) {
  [...box.querySelectorAll(".llmlab-chip")].forEach((chip, i) => {
    chip.setAttribute("aria-checked", i === index);
    chip.tabIndex = i === index ? 0 : -1;
    chip.classList.toggle("llmlab-later", i > index);
  });
}

/** The branches to go back to, once there is more than one. */
function fillBranches(box, model, goTo) {
  const all = model.get("branches");
  box.hidden = all.length < 2;
  if (box.hidden) return box.replaceChildren();
  const options = all.map((branch, i) => {
    const ending = branch.steps.map((step) => visible(step.texts[step.chosen])).join("");
    const name = branch.parent === null ? LABELS.firstRun : LABELS.fromStep(branch.at + 1);
    const start = [...ending].slice(0, 40).join("");
    return { value: String(i), label: LABELS.branchOption(i + 1, name, start) };
  });
  const chosen = choice(LABELS.branch, options, String(model.get("branch")), (value) =>
    goTo(Number(value), all[value].at),
  );
  box.replaceChildren(chosen.box);
}
