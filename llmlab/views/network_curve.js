// The loss of a NetworkView's network over the steps of a training, as a small curve.

const CURVE = { width: 320, height: 90, margin: 6 }; // pixels

/**
 * @returns {{svg: SVGElement, draw: (losses: number[]) => void, mark: (step: number) => void}} the
 *   curve of the losses after 0, 1, 2, ... steps, from 0 upwards, and a point on it; no point for
 *   a step below 0
 */
function lossCurve() {
  const { width, height, margin } = CURVE;
  let losses = [];
  let largest = 1;
  const x = (step) => margin + (step / Math.max(losses.length - 1, 1)) * (width - 2 * margin);
  const y = (loss) => height - margin - (loss / largest) * (height - 2 * margin);
  const line = drawing("polyline", {});
  const point = drawing("circle", { r: 5, class: "llmlab-now" });
  const svg = drawing(
    "svg",
    { class: "llmlab-curve", role: "img", viewBox: `0 0 ${width} ${height}` },
    drawing("line", { x1: 0, x2: width, y1: y(0), y2: y(0), class: "llmlab-axis" }),
    line,
    point,
  );
  return {
    svg,
    draw(next) {
      losses = next;
      largest = Math.max(...losses) || 1;
      const [first, last] = [losses[0], losses.at(-1)].map((loss) => digits(loss, 3));
      svg.setAttribute("aria-label", LABELS.curve(losses.length - 1, first, last));
      line.setAttribute("points", losses.map((loss, step) => `${x(step)},${y(loss)}`).join(" "));
    },
    mark(step) {
      point.style.setProperty("display", step < 0 ? "none" : "");
      if (step >= 0) furnish(point, { cx: x(step), cy: y(losses[step]) }, []);
    },
  };
}
