// A drawing of a TrainingView: curves over steps, reference lines, the checkpoint, the reader.

const CHART = { left: 58, right: 14, top: 12, bottom: 22, label: 14, widest: 760 }; // pixels
// Told apart by dashes and marks; the colours in training.css only help.
const DASHES = ["", "10 4", "3 3", "12 4 3 4", "1 4"];
const MARKS = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
  "M-3.6,-3.6h7.2v7.2h-7.2z",
  "M0,-4.6l4.4,7.8h-8.8z",
  "M0,-5l5,5l-5,5l-5,-5z",
  "M0,4.6l4.4,-7.8h-8.8z",
];

/**
 * @typedef {{run: number, kind: "raw"|"line", xs: ArrayLike<number>, ys: ArrayLike<number>}} Line
 * @param {{height: number, isLast: boolean}} options the last drawing has the steps under it
 */
function trainingChart({ height, isLast }) {
  const bottom = isLast ? CHART.bottom : 8;
  const still = drawing("g");
  const moment = drawing("path", { class: "llmlab-moment" });
  const reader = drawing("line", { class: "llmlab-reader" });
  const dots = drawing("g", { class: "llmlab-dots" });
  const svg = drawing("svg", { "aria-hidden": "true" }, still, moment, reader, dots);
  let x, y;
  const floor = height - bottom;
  return {
    svg,
    /**
     * @param {{width: number, x: object, isLogY: boolean, lines: Line[], marks: Line[],
     *   references: {name: string, value: number}[], unit: string}} content
     */
    draw({ width, x: given, isLogY, lines, marks, references, unit }) {
      furnish(svg, { width, height, viewBox: `0 0 ${width} ${height}` }, []);
      x = given;
      const domain = domainOf([...lines, ...marks], references, isLogY);
      const rows = Math.round((floor - CHART.top) / 34); // so that the numbers keep apart
      y = scaleOf(domain, [floor, CHART.top + CHART.label], isLogY, rows);
      still.replaceChildren(
        ...y.ticks.flatMap((value) => [
          drawing("line", {
            class: "llmlab-grid",
            x1: CHART.left,
            x2: width - CHART.right,
            y1: y.at(value),
            y2: y.at(value),
          }),
          drawing(
            "text",
            { class: "llmlab-tick", x: CHART.left - 6, y: y.at(value) + 4, "text-anchor": "end" },
            digits(value),
          ),
        ]),
        ...(isLast ? stepTicks(x, floor, width) : []),
        drawing("text", { class: "llmlab-unit", x: 2, y: CHART.top }, unit),
        ...referenceLines(references, y, width, floor / 2),
        ...lines.map(({ run, kind, xs, ys }) => curve(run, kind, pathOf(xs, ys, x, y))),
        ...marks.flatMap(({ run, xs, ys }) =>
          Array.from(xs, (step, i) => markAt(run, x.at(step), y.at(ys[i]))),
        ),
      );
    },
    /** Puts the checkpoint's line at a step; null takes it away. */
    mark(step) {
      const at = step === null ? 0 : x.at(step);
      const d = step === null ? "" : `M${at},${floor}V${CHART.top + 8}m-5,-8h10l-5,8z`;
      furnish(moment, { d }, []);
    },
    /** Puts the reader's line at a step, and a dot on each value there. */
    read(step, values) {
      const at = x.at(step);
      furnish(reader, { x1: at, x2: at, y1: CHART.top, y2: floor }, []);
      dots.replaceChildren(
        ...values.map(({ run, value, at: own }) =>
          drawing("circle", {
            class: `llmlab-dot llmlab-run-${run}`,
            cx: x.at(own),
            cy: y.at(value),
            r: 4,
          }),
        ),
      );
    },
  };
}

function domainOf(lines, references, isLog) {
  const values = lines.flatMap(({ ys }) => Array.from(ys).filter(Number.isFinite));
  values.push(...references.map(({ value }) => value));
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!values.length) return [0, 1];
  if (isLog && low > 0) return [low / 1.1, high * 1.1];
  const pad = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  // The lowest name stands under its line, where that lies in the lower half.
  const isLow = references.some(({ value }) => value < (low + high) / 2);
  return [low - (isLow ? 2 * pad : pad), high + pad];
}

/** A line through the points, broken where a value is missing; a lone point is still a dot. */
function pathOf(xs, ys, x, y) {
  let d = "";
  let isDown = false;
  for (let i = 0; i < ys.length; i++) {
    if (!Number.isFinite(ys[i])) {
      isDown = false;
      continue;
    }
    const at = `${x.at(xs[i]).toFixed(1)},${y.at(ys[i]).toFixed(1)}`;
    d += isDown ? `L${at}` : `M${at}h0`;
    isDown = true;
  }
  return d;
}

function markAt(run, x, y) {
  return drawing("path", {
    class: `llmlab-mark llmlab-run-${run}`,
    d: MARKS[run],
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
  });
}

function stepTicks(x, floor, width) {
  let taken = -Infinity;
  return x.ticks.flatMap((step) => {
    const at = x.at(step);
    const label = grouped(step);
    const half = label.length * 3.6;
    const middle = Math.min(at, width - half - 1);
    if (middle - half < taken + 8) return [];
    taken = middle + half;
    const attributes = { class: "llmlab-tick", x: middle, y: floor + 16, "text-anchor": "middle" };
    return [
      drawing("line", { class: "llmlab-axis", x1: at, x2: at, y1: floor, y2: floor + 4 }),
      drawing("text", attributes, label),
    ];
  });
}

/**
 * Reference lines with their names above them, or below where another name is in the way. Losses
 * fall from the upper left to the lower right: the names stand in the other two corners. A long
 * training's curves lie just above the lowest line, so its name stands below.
 */
function referenceLines(references, y, width, middle) {
  const taken = [];
  const falling = [...references].sort((a, b) => b.value - a.value);
  return falling.flatMap(({ name, value }, i) => {
    const at = y.at(value);
    const isFree = (place) => taken.every((other) => Math.abs(other - place) >= CHART.label);
    const isLowest = i === falling.length - 1 && at > middle;
    const places = isLowest ? [at + 13, at - 4] : [at - 4, at + 13, at + 27];
    const place = places.find(isFree) ?? places[0];
    taken.push(place);
    const ends = { x1: CHART.left, x2: width - CHART.right, y1: at, y2: at };
    const side =
      at < middle
        ? { x: width - CHART.right - 12, "text-anchor": "end" }
        : { x: CHART.left + 4, "text-anchor": "start" };
    return [
      drawing("line", { class: "llmlab-reference", ...ends }),
      drawing(
        "text",
        { class: "llmlab-reference-name", y: place, ...side },
        fitting(LABELS.reference(name, digits(value, 4)), width - CHART.left - CHART.right - 12),
      ),
    ];
  });
}

/** As much of a text as is no wider than so many pixels; the legend has the whole. */
function fitting(text, width) {
  let room = width;
  const chars = [...text];
  const cut = chars.findIndex((char) => (room -= char > "\u2e7f" ? 12.5 : 7.2) < 0);
  return cut < 0 ? text : `${chars.slice(0, Math.max(cut - 1, 0)).join("")}…`;
}

/**
 * What lines and marks stand for, as a list.
 * @param {{run: number, kinds: ("raw"|"line"|"mark"|"reference")[], words: string}[]} entries
 */
function legendOf(entries) {
  return element(
    "ul",
    { class: "llmlab-legend", "aria-label": LABELS.legend },
    entries.map(({ run, kinds, words }) =>
      element(
        "li",
        {},
        drawing(
          "svg",
          { width: 34, height: 12, "aria-hidden": "true" },
          kinds.map((kind) => swatch(run, kind)),
        ),
        element("span", {}, words),
      ),
    ),
  );
}

function swatch(run, kind) {
  if (kind === "mark") return markAt(run, 17, 6);
  if (kind === "reference") {
    return drawing("line", { class: "llmlab-reference", x1: 1, x2: 33, y1: 6, y2: 6 });
  }
  return curve(run, kind, "M1,6H33");
}

function curve(run, kind, d) {
  return drawing("path", {
    class: `llmlab-curve llmlab-${kind} llmlab-run-${run}`,
    "stroke-dasharray": kind === "line" ? DASHES[run] : null,
    d,
  });
}
