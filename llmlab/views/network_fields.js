// Dragging a number of the drawing.

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
