// The draw of a NextTokenView, over the bar of what may be drawn.

/** The kept candidates side by side, as wide as they are likely, and where the draw fell. */
function fillBar(figure, step, result) {
  const segments = [];
  result.rows.forEach((row, i) => {
    if (!row.kept || row.sampling < 0.0005 || i >= step.listed) return;
    const mark = i === result.drawn ? "llmlab-segment llmlab-drawn" : "llmlab-segment";
    const width = { width: `${row.sampling * 100}%` };
    segments.push(element("span", { class: mark, style: width }, tokenLabel(step.texts[i])));
  });
  if (result.restSampling > 0) {
    segments.push(
      element("span", { class: "llmlab-segment llmlab-others" }, element("bdi", {}, LABELS.others)),
    );
  }
  const draw = `${step.draw * 100}%`;
  const picked = result.drawn < 0 ? LABELS.unlisted : visible(step.texts[result.drawn]);
  const described = LABELS.falls(number(step.draw, 4), picked);
  figure.replaceChildren(
    element("figcaption", { class: "llmlab-quiet" }, LABELS.bar),
    element(
      "div",
      { class: "llmlab-track", role: "img", "aria-label": described },
      element("div", { class: "llmlab-segments" }, segments),
      element("span", { class: "llmlab-marker", style: { left: draw } }),
    ),
    element(
      "div",
      { class: "llmlab-scale", "aria-hidden": "true" },
      element("span", {}, step.draw < 0.12 ? "" : "0"),
      element(
        "span",
        { class: "llmlab-at", style: { left: `clamp(1.5rem, ${draw}, 100% - 1.5rem)` } },
        number(step.draw, 4),
      ),
      element("span", {}, step.draw > 0.88 ? "" : "1"),
    ),
  );
}

/** Hides the names that their segments have no room for. */
function fitNames(figure) {
  for (const segment of figure.querySelectorAll(".llmlab-segment")) {
    const name = segment.firstChild;
    name.hidden = false;
    name.hidden = name.offsetWidth > segment.clientWidth - 4;
  }
}
