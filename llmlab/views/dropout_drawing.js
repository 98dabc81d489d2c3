// The drawing of a DropoutView: each value, what the mask makes of it, and the next neuron.

const LAYER = { widest: 720, row: 44, radius: 18, narrow: 520, names: 80, top: 26 }; // pixels

function layerDrawing(record) {
  const svg = drawing("svg", { class: "layer", role: "img" });
  const draw = (width) => {
    const size = Math.min(width, LAYER.widest);
    const isNarrow = size < LAYER.narrow;
    const height = LAYER.top + LAYER.row * record.count + 8;
    const x = {
      before: isNarrow ? LAYER.names : size * 0.24,
      after: isNarrow ? LAYER.names + (size - LAYER.names) * 0.38 : size * 0.54,
      next: size - (isNarrow ? 28 : 70),
    };
    const y = (row) => LAYER.top + LAYER.row * (row + 0.5);
    const middle = LAYER.top + (LAYER.row * record.count) / 2;
    const { factors } = record;
    const products = record.values.map((value, i) => value * factors[i] * record.weights[i]);
    const largest = Math.max(...products.map(Math.abs)) || 1;
    furnish(svg, { width: size, height, viewBox: `0 0 ${size} ${height}` }, []);
    svg.setAttribute("aria-label", layerWords(record));
    const head = (at, words, anchor = "middle") =>
      drawing("text", { class: "head", x: at, y: 12, "text-anchor": anchor }, words);
    svg.replaceChildren(
      head(x.before, LABELS.columns.before),
      head(x.after, LABELS.columns.after),
      head(size, isNarrow ? LABELS.columns.nextShort : record.neuron, "end"),
      ...record.values.flatMap((value, i) => {
        const isDropped = factors[i] === 0;
        const kind = isDropped ? "dropped" : "kept";
        return [
          drawing(
            "text",
            { class: "name", x: 0, y: y(i) + 4 },
            shorter(record.names[i], isNarrow),
          ),
          drawing("line", {
            class: `way ${kind}`,
            x1: x.before + LAYER.radius,
            x2: x.after - LAYER.radius,
            y1: y(i),
            y2: y(i),
          }),
          drawing(
            "text",
            { class: "factor", x: (x.before + x.after) / 2, y: y(i) - 5 },
            `× ${digits(factors[i], 3)}`,
          ),
          drawing("line", {
            class: `way ${kind} ${products[i] < 0 ? "negative" : ""}`,
            x1: x.after + LAYER.radius,
            x2: x.next - LAYER.radius - 6,
            y1: y(i),
            y2: middle,
            style: { "stroke-width": `${0.8 + (3.2 * Math.abs(products[i])) / largest}px` },
          }),
          valueCircle(x.before, y(i), value, "before"),
          isDropped
            ? crossedOut(x.after, y(i))
            : valueCircle(x.after, y(i), value * factors[i], kind),
        ];
      }),
      drawing("circle", { class: "next", cx: x.next, cy: middle, r: LAYER.radius + 6 }),
      drawing("text", { class: "inside", x: x.next, y: middle + 4 }, digits(record.sum, 3)),
    );
  };
  return { node: svg, draw };
}

function valueCircle(cx, cy, value, kind) {
  return drawing(
    "g",
    {},
    drawing("circle", { class: kind, cx, cy, r: LAYER.radius }),
    drawing("text", { class: "inside", x: cx, y: cy + 4 }, digits(value, value < 1 ? 2 : 3)),
  );
}

/** Told without colour. */
function crossedOut(cx, cy) {
  const reach = LAYER.radius * 0.7;
  const [left, top, size] = [cx - reach, cy - reach, 2 * reach];
  const d = `M${left},${top}l${size},${size}m0,${-size}l${-size},${size}`;
  const circle = drawing("circle", { class: "dropped", cx, cy, r: LAYER.radius });
  return drawing("g", {}, circle, drawing("path", { class: "cross", d }));
}

function shorter(name, isNarrow) {
  const letters = [...name];
  const longest = isNarrow ? 8 : 16;
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : name;
}

function layerWords(record) {
  const dropped = record.names.filter((_, i) => record.factors[i] === 0);
  return LABELS.layer(dropped, fourDigits(record.scale), record.neuron, fourDigits(record.sum));
}
