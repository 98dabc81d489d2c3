// The replay of a NetworkView: a training's loss, and the network as it was at its moments.

const CURVE = { width: 320, height: 90, margin: 6, pause: 250 }; // pixels, milliseconds

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
    }, CURVE.pause);
  };

  const largest = Math.max(...losses);
  const x = (step) =>
    CURVE.margin + (step / (losses.length - 1)) * (CURVE.width - 2 * CURVE.margin);
  const y = (loss) =>
    CURVE.height - CURVE.margin - (loss / largest) * (CURVE.height - 2 * CURVE.margin);
  const point = drawing("circle", { r: 5, class: "llmlab-now" });
  const curve = drawing(
    "svg",
    {
      class: "llmlab-curve",
      role: "img",
      viewBox: `0 0 ${CURVE.width} ${CURVE.height}`,
      "aria-label": LABELS.curve(losses.length - 1, digits(losses[0], 3), digits(losses.at(-1), 3)),
    },
    drawing("line", { x1: 0, x2: CURVE.width, y1: y(0), y2: y(0), class: "llmlab-axis" }),
    drawing("polyline", { points: losses.map((loss, step) => `${x(step)},${y(loss)}`).join(" ") }),
    point,
  );
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
      curve,
      words,
      table,
    ),
    show(i) {
      point.style.setProperty("display", i < 0 ? "none" : "");
      if (i < 0) {
        words.textContent = LABELS.byHand;
        return;
      }
      moment.set(i);
      furnish(point, { cx: x(steps[i]), cy: y(losses[steps[i]]) }, []);
      words.textContent = LABELS.lossAt(steps[i], digits(losses[steps[i]]));
    },
    stop,
  };
}
