// Three drawings of bars beside each other: the numbers, their LayerNorm, their RMSNorm.

const BARS = { height: 170, top: 24, bottom: 4, side: 6, widest: 56, narrow: 560, label: 16 };

/**
 * @param {number} count how many numbers there are
 * @returns {{box: HTMLElement, fit: (width: number) => void, show: (state: object) => void}}
 */
function normChart(count) {
  const panels = LABELS.panels.map((title) => barPanel(title, count));
  const box = element(
    "div",
    { class: "llmlab-bars" },
    panels.map((panel) => panel.svg),
  );
  let width = BARS.widest;
  return {
    box,
    fit(whole) {
      width = whole < BARS.narrow ? whole : (whole - 2 * 12) / 3;
    },
    show({ numbers }, found) {
      const [given, layer, rms] = panels;
      const deviation = Math.sqrt(found.variance);
      given.show({
        width,
        outlined: numbers,
        filled: numbers,
        span: spanOf(numbers),
        mean: found.mean,
        deviation,
        words: LABELS.givenWords(numbers.map(short), short(found.mean), short(deviation)),
      });
      // One scale for both, so that their bars can be compared.
      const span = spanOf(found.standard, found.layerNorm, found.unit, found.rmsNorm);
      const rows = [
        [layer, found.standard, found.layerNorm, LABELS.layerWords],
        [rms, found.unit, found.rmsNorm, LABELS.rmsWords],
      ];
      for (const [panel, outlined, filled, words] of rows) {
        panel.show({ width, outlined, filled, span, words: words(filled.map(short)) });
      }
    },
  };
}

const short = (value) => shown(value, 3);

/** The lowest and the highest end of bars that stand on 0. */
function spanOf(...rows) {
  const numbers = rows.flat().filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
  return low < high ? [low, high] : [0, 1];
}

function barPanel(title, count) {
  const svg = drawing("svg", { class: "llmlab-bar-panel", role: "img" });
  const heading = drawing("text", { class: "llmlab-bar-title" }, title);
  const band = drawing("rect", { class: "llmlab-band" });
  const zero = drawing("line", { class: "llmlab-zero" });
  const mean = drawing("line", { class: "llmlab-mean" });
  const columns = Array.from({ length: count }, () => ({
    filled: drawing("rect", { class: "llmlab-filled" }),
    outlined: drawing("rect", { class: "llmlab-outlined" }),
    value: drawing("text", { class: "llmlab-bar-value" }),
  }));
  svg.append(
    heading,
    band,
    ...columns.flatMap((column) => [column.filled, column.outlined]),
    zero,
    mean,
    ...columns.map((column) => column.value),
  );

  function show({ width, outlined, filled, span, mean: middle, deviation, words }) {
    const { height, top, bottom, side, label } = BARS;
    const [low, high] = span;
    // Room for a label above the highest bar and, where bars go down, below the lowest.
    const [first, last] = [top + label, height - bottom - (low < 0 ? label : 0)];
    const up = (value) => first + ((high - value) / (high - low)) * (last - first);
    const centre = up(0);
    const step = (width - 2 * side) / count;
    const thick = Math.min(step * 0.7, BARS.widest);
    furnish(svg, { viewBox: `0 0 ${width} ${height}`, width, height, "aria-label": words }, []);
    furnish(heading, { x: side, y: 14 }, []);
    furnish(zero, { x1: side, x2: width - side, y1: centre, y2: centre }, []);
    const hasMean = middle !== undefined;
    band.style.setProperty("display", hasMean ? "" : "none");
    mean.style.setProperty("display", hasMean ? "" : "none");
    if (hasMean) {
      const [upper, lower] = [up(middle + deviation), up(middle - deviation)];
      furnish(band, { x: side, width: width - 2 * side, y: upper, height: lower - upper }, []);
      furnish(mean, { x1: side, x2: width - side, y1: up(middle), y2: up(middle) }, []);
    }
    columns.forEach((column, i) => {
      const x = side + step * (i + 0.5);
      place(column.filled, x - thick / 2, thick, centre, up(filled[i]));
      place(column.outlined, x - thick / 2, thick, centre, up(outlined[i]));
      const end = Number.isFinite(filled[i]) ? up(filled[i]) : centre;
      const y = filled[i] < 0 ? end + label - 2 : end - 5;
      furnish(column.value, { x, y }, []);
      column.value.textContent = short(filled[i]);
    });
  }
  return { svg, show };
}

/** A bar from the zero line to its end; none where there is no number. */
function place(bar, x, width, from, to) {
  const isThere = Number.isFinite(to);
  bar.style.setProperty("display", isThere ? "" : "none");
  if (!isThere) return;
  furnish(bar, { x, width, y: Math.min(from, to), height: Math.abs(to - from) }, []);
}
