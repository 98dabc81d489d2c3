// The replay of a NetworkView: a training's loss, and the network as it was at its moments.

const PAUSE = 250; // milliseconds

/** @param {(moment: number) => void} goTo shows a moment of the record */
function trainingReplay(record, goTo) {
  const { losses, steps } = record;
  const last = steps.length - 1;
  let timer = null;
  const moment = slider(
    LABELS.moment,
    { min: 0, max: last, step: 1, value: last, format: (i) => LABELS.step(steps[i], steps[last]) },
    (i) => {
      stop();
      goTo(i);
    },
  );
  const play = element(
    "button",
    { type: "button", click: () => (timer ? stop() : start()) },
    LABELS.play,
  );
  // Who asks for less motion moves the slider, and nothing moves by itself.
  play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = LABELS.play;
  };
  const start = () => {
    let next = Number(moment.input.value) < last ? Number(moment.input.value) : -1;
    play.textContent = LABELS.pause;
    timer = setInterval(() => {
      goTo(++next);
      if (next >= last) stop();
    }, PAUSE);
  };

  const curve = lossCurve();
  curve.draw(losses);
  const words = element("p", { class: "llmlab-quiet" });
  const table = disclosure(LABELS.lossTable, () =>
    scrollBox(
      LABELS.lossTable,
      dataTable({
        caption: LABELS.lossCaption(digits(record.learning_rate)),
        columns: LABELS.lossColumns,
        rows: steps.map((step) => [String(step), digits(losses[step])]),
      }),
    ),
  );
  return {
    box: element(
      "div",
      { class: "llmlab-replay" },
      element("h4", {}, LABELS.replay),
      element("div", { class: "llmlab-row" }, play, moment.box),
      curve.svg,
      words,
      table,
    ),
    show(i) {
      curve.mark(i < 0 ? i : steps[i]);
      if (i < 0) {
        words.textContent = LABELS.byHand;
        return;
      }
      moment.set(i);
      words.textContent = LABELS.lossAt(steps[i], digits(losses[steps[i]]));
    },
    stop,
  };
}
