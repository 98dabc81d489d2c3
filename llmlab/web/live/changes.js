/** Switching parts of attention off, and the next-token table before and after. */

import { checkbox, dataTable, element, followTheme, percent, visible } from "../views/common.js";

const ROWS = 5;

const LABELS = {
  title: "Change what the model computes, and see what becomes of its answer",
  first: "Run the model on a text above; then its parts can be switched off here.",
  mask: "mask: no token sees a later one",
  scale: "scale: scores are divided before softmax",
  head: (layer, head) => `Switch off head ${head} of layer ${layer}`,
  on: (layer, head) => `Switch head ${head} of layer ${layer} on again`,
  off: (heads) => `Switched off: ${heads}.`,
  name: (layer, head) => `layer ${layer}, head ${head}`,
  caption: "The next token before and after the change",
  columns: ["Token", "As it is", "Changed"],
};

/**
 * @param {object} model of the AttentionView: its layer and head are those that a button names
 * @param {(changes: object) => void} changed
 */
export function changesPanel(model, changed) {
  let heads = [];
  const mask = checkbox(LABELS.mask, true, tell);
  const scale = checkbox(LABELS.scale, true, tell);
  const own = element("button", { type: "button", click: toggle });
  const off = element("p", { class: "llmlab-quiet" });
  const table = element("div", { class: "llmlab-scroll", role: "status" });
  const controls = element("div", { class: "controls" }, mask.box, scale.box, own);
  const first = element("p", { class: "llmlab-quiet" }, LABELS.first);
  const node = element(
    "section",
    { class: "llmlab llmlab-changes", "aria-label": LABELS.title },
    element("h4", {}, LABELS.title),
    first,
    controls,
    off,
    table,
  );
  controls.hidden = true;
  followTheme((theme) => (node.dataset.theme = theme));

  const place = () => [model.get("layer"), model.get("head")];
  const isOff = ([layer, head]) => heads.some((each) => each[0] === layer && each[1] === head);
  function toggle() {
    const [layer, head] = place();
    heads = isOff([layer, head])
      ? heads.filter((each) => each[0] !== layer || each[1] !== head)
      : [...heads, [layer, head]];
    tell();
  }
  function tell() {
    name();
    changed({ heads, mask: mask.input.checked, scale: scale.input.checked });
  }
  function name() {
    own.textContent = (isOff(place()) ? LABELS.on : LABELS.head)(...place());
    const names = heads.map((each) => LABELS.name(...each)).join("; ");
    off.textContent = names ? LABELS.off(names) : "";
  }
  model.on("change:layer change:head", name);

  return {
    node,
    /**
     * @param {{top: object[]}} plain the run as it is
     * @param {{top: object[]} | null} after the run with the changes; null: a new text was run
     */
    show(plain, after) {
      if (!after) {
        heads = [];
        mask.input.checked = scale.input.checked = true;
      }
      first.hidden = true;
      controls.hidden = false;
      name();
      const isChanged = after && (heads.length || !mask.input.checked || !scale.input.checked);
      table.replaceChildren(isChanged ? comparison(plain.top, after.top) : "");
    },
  };
}

/** The first rows of both tables, each token once. */
function comparison(before, after) {
  const ids = new Set([...before.slice(0, ROWS), ...after.slice(0, ROWS)].map(({ id }) => id));
  const share = (rows, id) => {
    const found = rows.find((row) => row.id === id);
    return found ? percent(found.probability) : `< ${percent(rows[rows.length - 1].probability)}`;
  };
  const text = (id) => [...before, ...after].find((row) => row.id === id).text;
  return dataTable({
    caption: LABELS.caption,
    columns: LABELS.columns,
    rows: [...ids].map((id) => [visible(text(id)), share(before, id), share(after, id)]),
  });
}
