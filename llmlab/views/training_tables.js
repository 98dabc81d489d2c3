// The tables behind a TrainingView: every point that is drawn, every evaluation, every sample.

function curveTable(runs) {
  const keys = recordedKeys(runs).filter((key) => !EVALUATED.has(key));
  const rows = runs.flatMap((run) =>
    run.steps.map((step, i) => [
      ...(runs.length > 1 ? [run.name] : []),
      grouped(step),
      ...keys.map((key) => written(run.curves[key]?.[i])),
    ]),
  );
  return tableOf(runs, LABELS.curveTable, [LABELS.step, ...keys.map(nameOf)], rows);
}

function evaluationTable(runs) {
  const keys = recordedKeys(runs).filter((key) => EVALUATED.has(key));
  const rows = runs.flatMap((run) =>
    run.evaluations.map((each) => [
      ...(runs.length > 1 ? [run.name] : []),
      grouped(each.step),
      ...keys.map((key) => written(each[key])),
    ]),
  );
  return tableOf(runs, LABELS.evaluationTable, [LABELS.step, ...keys.map(nameOf)], rows);
}

function sampleTable(runs) {
  const text = (content) => element("bdi", { class: "llmlab-written" }, content);
  const rows = runs.flatMap((run) =>
    run.samples.flatMap(({ step, texts }) =>
      texts.flatMap((each, i) =>
        each === null
          ? []
          : [
              [
                ...(runs.length > 1 ? [run.name] : []),
                grouped(step),
                text(run.prompts[i]),
                each ? text(each) : LABELS.nothing,
              ],
            ],
      ),
    ),
  );
  return tableOf(runs, LABELS.sampleTable, [LABELS.step, LABELS.prompt, LABELS.text], rows);
}

/** The tables that have rows, each made when it is opened. */
function tablesOf(runs) {
  const some = (key) => runs.some((run) => run[key].length > 0);
  return [
    ...(some("steps") ? [disclosure(LABELS.curveTable, () => curveTable(runs))] : []),
    ...(some("evaluations")
      ? [disclosure(LABELS.evaluationTable, () => evaluationTable(runs))]
      : []),
    ...(some("samples") ? [disclosure(LABELS.sampleTable, () => sampleTable(runs))] : []),
  ];
}

function tableOf(runs, caption, columns, rows) {
  const named = runs.length > 1 ? [LABELS.run, ...columns] : columns;
  return scrollBox(caption, dataTable({ caption, columns: named, rows }));
}

const nameOf = (key) => LABELS.names[key];
const written = (value) => (Number.isFinite(value) ? digits(value) : LABELS.unknown);
