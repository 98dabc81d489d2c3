// A slider and a number field that hold the same number.

const FARTHEST = 1e6; // what may be typed

/**
 * @param {string} label what the number is
 * @param {[number, number]} limits the slider's; the field takes more
 * @param {(value: number) => void} changed called as it moves
 * @param {() => void} settled called when it has come to rest
 */
function numberControl(label, limits, changed, settled) {
  let value = 0;
  const range = element("input", { type: "range", step: "any", "aria-label": label });
  const field = element("input", {
    type: "number",
    step: "any",
    inputmode: "decimal",
    "aria-label": LABELS.field(label),
  });
  const show = () => {
    range.value = value;
    range.setAttribute("aria-valuetext", digits(value));
  };
  const write = () => (field.value = Number(value.toPrecision(6)));
  const take = (next) => {
    value = next;
    show();
    changed(next);
  };
  const bound = ([least, most]) => Object.assign(range, { min: least, max: most });
  bound(limits);
  range.addEventListener("input", () => {
    take(Number(Number(range.value).toPrecision(4)));
    write();
  });
  // The keys take even steps, whatever number it stands at.
  range.addEventListener("keydown", (event) => {
    const steps = SLIDER_KEYS[event.key];
    if (!steps || event.altKey || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    const step = evenStep(range.max - range.min);
    const next = Math.round(value / step + steps) * step;
    take(Math.min(Math.max(Number(next.toPrecision(6)), range.min), range.max));
    write();
    settled();
  });
  field.addEventListener("input", () => {
    const next = field.valueAsNumber;
    const fits = Math.abs(next) <= FARTHEST; // false for NaN, which an empty field is
    field.setAttribute("aria-invalid", !fits);
    if (fits) take(next);
  });
  range.addEventListener("change", settled);
  field.addEventListener("change", () => {
    field.setAttribute("aria-invalid", false);
    write();
    settled();
  });
  return {
    box: element("span", { class: "llmlab-number" }, field, range),
    bound,
    set(next) {
      if (Object.is(next, value) && field.value !== "") return;
      value = next;
      show();
      // A field that is being typed in is left alone.
      if (field.getRootNode().activeElement !== field) write();
    },
  };
}

/** About a hundredth of a range, as 1, 2 or 5 times a power of ten. */
function evenStep(range) {
  const power = 10 ** Math.floor(Math.log10(range / 100));
  return power * ([5, 2, 1].find((times) => times * power <= range / 100) ?? 1);
}

/**
 * Sideways dragging of a part of a drawing; up and down still scrolls the page. Two hundred pixels
 * are the whole range, and a movement of less than three is a click.
 * @param {{begin: () => {value: number, limits: [number, number]}, move: (value: number) => void,
 *   end: () => void}} actions
 */
function dragSideways(node, { begin, move, end }) {
  let start = null;
  let wasDragged = false;
  node.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    if (event.button !== 0) return;
    start = { x: event.clientX, moved: false, ...begin() };
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    if (!start) return;
    const pixels = event.clientX - start.x;
    start.moved ||= Math.abs(pixels) >= 3;
    if (!start.moved) return;
    const [least, most] = start.limits;
    const step = evenStep(most - least);
    const next = Math.round((start.value + ((most - least) * pixels) / 200) / step) * step;
    move(Number(Math.min(Math.max(next, least), most).toPrecision(6)));
  });
  const stop = () => {
    wasDragged = Boolean(start?.moved);
    if (wasDragged) end();
    start = null;
  };
  // A browser sends a click after a drag as well: it would choose what was only dragged.
  node.addEventListener("click", (event) => wasDragged && event.stopImmediatePropagation(), true);
  node.addEventListener("pointerup", stop);
  node.addEventListener("pointercancel", stop);
}
