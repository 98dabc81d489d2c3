// The replay of a TrainingView: the checkpoints, the numbers at each, and what the model wrote.

const PAUSE = 900; // milliseconds: long enough to read a short sample

/** @param {(moment: number) => void} goTo shows a checkpoint */
function checkpointReplay(runs, moments, goTo) {
  const last = moments.length - 1;
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = LABELS.play;
  };
  const moment = slider(
    LABELS.checkpoint,
    { min: 0, max: last, step: 1, value: last, format: (i) => LABELS.stepOf(moments, i) },
    (i) => {
      stop();
      goTo(i);
    },
  );
  const start = () => {
    let next = Number(moment.input.value) < last ? Number(moment.input.value) : -1;
    play.textContent = LABELS.pause;
    timer = setInterval(() => {
      goTo(++next);
      if (next >= last) stop();
    }, PAUSE);
  };
  const play = element(
    "button",
    { type: "button", click: () => (timer ? stop() : start()) },
    LABELS.play,
  );
  // Who asks for less motion moves the slider, and nothing moves by itself.
  play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const numbers = element("div", {});
  const samples = element("div", { class: "llmlab-samples" });
  return {
    parts: [
      element("h4", {}, LABELS.replay),
      element("div", { class: "llmlab-row" }, play, moment.box),
    ],
    numbers,
    samples,
    show(i, shown, references) {
      moment.set(i);
      numbers.replaceChildren(numbersAt(runs, moments[i], references));
      samples.replaceChildren(...samplesOf(runs, shown, moments[i]));
    },
    stop,
  };
}

/** Everything that was recorded at a step: a row for each number, a column for each run. */
function numbersAt(runs, step, references) {
  const cell = (run, key) => {
    const found = valueAt(run, key, step);
    if (!found) return LABELS.unknown;
    const own = digits(found.value);
    return EVALUATED.has(key) && found.at !== step ? LABELS.earlier(own, grouped(found.at)) : own;
  };
  const reached = (run) => {
    const place = placeAt(run.steps, step);
    return place < 0 ? LABELS.unknown : grouped(run.steps[place]);
  };
  const above = (run, reference) => {
    const found = valueAt(run, "validation_loss", step);
    return found ? digits(found.value - reference.value) : LABELS.unknown;
  };
  const keys = recordedKeys(runs);
  const held = keys.includes("validation_loss") ? references : [];
  const rows = [
    ...(runs.length > 1 ? [[LABELS.reached, ...runs.map(reached)]] : []),
    ...keys.map((key) => [LABELS.names[key], ...runs.map((run) => cell(run, key))]),
    ...held.map((each) => [LABELS.above(each.name), ...runs.map((run) => above(run, each))]),
  ];
  const caption = LABELS.numbersCaption(grouped(step));
  const columns = [LABELS.number, ...runs.map((run) => run.name)];
  return scrollBox(caption, dataTable({ caption, columns, rows }));
}

/** What a run's model wrote at its last checkpoint up to a step. */
function samplesOf(runs, shown, step) {
  const run = runs[shown];
  const found = samplesAt(run, step);
  if (!found) {
    const hasAny = run.samples.length > 0;
    return [element("p", { class: "llmlab-quiet" }, hasAny ? LABELS.noneYet : LABELS.noSamples)];
  }
  const items = found.texts.flatMap((text, i) => {
    if (text === null) return [];
    const same = found.before?.[i] === text;
    return element(
      "li",
      {},
      element("bdi", { class: "llmlab-prompt" }, run.prompts[i]),
      text
        ? element("bdi", { class: "llmlab-written" }, text)
        : element("i", { class: "llmlab-quiet" }, LABELS.nothing),
      same ? element("span", { class: "llmlab-quiet" }, LABELS.same) : "",
    );
  });
  const title = LABELS.wrote(run.name, grouped(found.step));
  return [element("h4", {}, title), element("ul", { "aria-label": title }, items)];
}
