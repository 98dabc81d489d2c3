// The chart of a DropoutView: the sum with each mask, and its average, against evaluation mode.

const AVERAGE = { left: 48, right: 12, top: 24, height: 150, foot: 34, widest: 720, most: 300 };

function averageChart(record) {
  const svg = drawing("svg", { role: "img", class: "chart" });
  const draw = (width) => {
    const size = Math.min(width, AVERAGE.widest);
    const floor = AVERAGE.top + AVERAGE.height;
    const height = floor + AVERAGE.foot;
    const { sums, averages } = record.history;
    const places = shownPlaces(sums.length);
    const seen = [...places.map((i) => sums[i]), ...averages, record.evaluation];
    const [least, most] = seen.reduce(
      ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
      [Infinity, -Infinity],
    );
    const pad = (most - least || Math.abs(most) || 1) * 0.08;
    const y = (value) =>
      floor - ((value - least + pad) / (most - least + 2 * pad)) * AVERAGE.height;
    const across = size - AVERAGE.left - AVERAGE.right;
    const x = (i) => AVERAGE.left + (across * (i + 0.5)) / sums.length;
    furnish(svg, { width: size, height, viewBox: `0 0 ${size} ${height}` }, []);
    svg.setAttribute("aria-label", chartWords(record));
    const points = places.map((i) => `${x(i).toFixed(1)},${y(averages[i]).toFixed(1)}`);
    svg.replaceChildren(
      drawing("text", { class: "unit", x: 0, y: 12 }, LABELS.sumAxis(record.neuron)),
      ...[least, most, record.evaluation].map((value, i) => level(value, y, size, i === 2)),
      ...places.map((i) =>
        drawing("circle", { class: "one", cx: x(i).toFixed(1), cy: y(sums[i]).toFixed(1), r: 2.5 }),
      ),
      drawing("polyline", { class: "average", points: points.join(" ") }),
      drawing("circle", {
        class: "now",
        cx: x(sums.length - 1).toFixed(1),
        cy: y(averages.at(-1)).toFixed(1),
        r: 4,
        "data-value": averages.at(-1),
      }),
      ...[0, sums.length - 1].map((i) =>
        drawing(
          "text",
          { class: "tick", x: x(i), y: floor + 14, "text-anchor": "middle" },
          i > 0 || sums.length === 1 ? grouped(i + 1) : "1",
        ),
      ),
      drawing(
        "text",
        { class: "unit", x: AVERAGE.left + across / 2, y: floor + 30, "text-anchor": "middle" },
        LABELS.drawsAxis,
      ),
    );
  };
  return { node: svg, draw };
}

/** Which masks are drawn: all of a few, evenly chosen ones of many, the last always. */
function shownPlaces(count) {
  const step = Math.ceil(count / AVERAGE.most);
  const places = [];
  for (let i = count - 1; i >= 0; i -= step) places.unshift(i);
  return places;
}

function level(value, y, size, isEvaluation) {
  return drawing(
    "g",
    {},
    drawing("line", {
      class: isEvaluation ? "evaluation" : "level",
      x1: AVERAGE.left,
      x2: size - AVERAGE.right,
      y1: y(value),
      y2: y(value),
    }),
    drawing(
      "text",
      { class: "tick", x: AVERAGE.left - 5, y: y(value) + 4, "text-anchor": "end" },
      digits(value, 3),
    ),
  );
}

function chartWords(record) {
  const [average, evaluation] = [record.average, record.evaluation].map(fourDigits);
  return LABELS.chart(grouped(record.draws), average, evaluation);
}

/** A whole number with its thousands set apart. */
function grouped(value) {
  return value.toLocaleString("en-US");
}
