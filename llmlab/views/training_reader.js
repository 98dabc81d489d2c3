// Reading the curves of a TrainingView: by pointer, by touch, by keyboard.

const SNAP = 5; // pixels within which a checkpoint is meant rather than the step beside it

/**
 * The place of the step drawn nearest to a position.
 * @param {number[]} [preferred] steps that win within SNAP pixels
 */
function nearest(steps, at, position, preferred = []) {
  const distance = (step) => Math.abs(at(step) - position);
  const closest = (some) => some.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  const meant = preferred.filter((step) => distance(step) <= SNAP);
  return steps.indexOf(closest(meant.length ? meant : steps));
}

function readByPointer(box, { place, read, choose }) {
  const follow = (event) => read(place(event.clientX - box.getBoundingClientRect().left));
  box.addEventListener("pointermove", follow);
  box.addEventListener("pointerdown", follow);
  box.addEventListener("click", choose);
}

function readByKeys(box, { grid, moments, place, read, choose }) {
  const checkpoint = (direction) => {
    const step = grid[place()];
    const found =
      direction > 0 ? moments.find((each) => each > step) : moments.findLast((each) => each < step);
    return found === undefined ? place() : grid.indexOf(found);
  };
  const far = Math.max(1, Math.round(grid.length / 20));
  box.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const next = {
      ArrowRight: () => place() + 1,
      ArrowLeft: () => place() - 1,
      ArrowUp: () => checkpoint(1),
      ArrowDown: () => checkpoint(-1),
      PageUp: () => place() + far,
      PageDown: () => place() - far,
      Home: () => 0,
      End: () => grid.length - 1,
    }[event.key];
    if (next) read(next());
    else if (event.key === "Enter" || event.key === " ") choose();
    else return;
    event.preventDefault();
  });
}
