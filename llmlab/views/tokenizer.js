// A text in tokens: the same text under several tokenizers, and after each merge of one of them.

const counted = (tokens) => `${tokens} token${tokens === 1 ? "" : "s"}`;

const LABELS = {
  view: "A text in tokens",
  title: "How is this text cut into tokens?",
  text: "Text",
  cut: "Cut",
  row: (name, tokens, vocabulary) =>
    `${name}: ${counted(tokens)}, from a vocabulary of ${vocabulary}`,
  piece: (text, id) => `${text}, id ${id}`,
  token: (name, place, count, text, id, bytes) =>
    `${name}, token ${place} of ${count}: “${text}”, id ${id}, ` +
    (bytes ? `bytes ${bytes}` : "no bytes"),
  merges: (name) => `The merges of ${name}, one by one`,
  slider: "After merge",
  merge: (number, all) => `${number} of ${all}`,
  before: (count) => `Before the first merge: ${count} symbols.`,
  joined: (number, left, right, times, count) =>
    `Merge ${number} joins “${left}” and “${right}”` +
    (times === null ? "" : `, which stood side by side ${times} times in the training text`) +
    `: ${counted(count)}.`,
  state: "The text after these merges",
  table: "All tokens as a table",
  tableBox: "Tokens",
  caption: "Every tokenizer's tokens",
  columns: ["Tokenizer", "Place", "Token", "Id", "Bytes"],
  mergeTable: "The merges as a table",
  mergeBox: "Merges",
  mergeCaption: "Merges that change this text, in the order in which they were learned",
  mergeColumns: ["Merge", "Left", "Right", "Count", "Tokens after it"],
  unknown: "–",
};

const grouped = (count) => count.toLocaleString("en-US");

function render({ model, el }) {
  const root = viewRoot(el, "tokenizer", LABELS.view);
  const live = liveLine();
  const written = element("form", { class: "llmlab-written" });
  const status = element("p", { class: "llmlab-status", role: "alert" });
  const rows = element("div", { class: "llmlab-rows" });
  const merges = element("div", { class: "llmlab-merges" });
  const tables = element("div", {});
  root.append(element("h3", {}, LABELS.title), written, status, rows, live, merges, tables);

  if (model.get("kernel")) fillForm(written, model);
  else written.hidden = true;

  let slide;
  const say = (text) => (live.textContent = text);

  function showStep() {
    if (!slide) return;
    slide.show(model.get("steps")[model.get("step")], say);
    slide.set(model.get("step"));
  }

  function show() {
    status.textContent = model.get("status");
    status.hidden = !model.get("status");
    const given = model.get("rows");
    rows.replaceChildren(
      ...given.map((row) => {
        const title = LABELS.row(row.name, row.tokens.length, grouped(row.vocab_size));
        const chips = pieceRow(row.name, title, row.tokens, say);
        return element("div", { class: "llmlab-row" }, element("h4", {}, title), chips);
      }),
    );
    say("");
    slide = mergeSlider(model);
    merges.hidden = !slide;
    merges.replaceChildren(...(slide ? slide.parts : []));
    tables.replaceChildren(
      disclosure(LABELS.table, () => scrollBox(LABELS.tableBox, tokenTable(given))),
      ...(slide ? [mergeDisclosure(model.get("steps"))] : []),
    );
    showStep();
  }

  const forget = [
    followTheme((theme) => (root.dataset.theme = theme)),
    listen(model, ["rows", "steps", "status"], show),
    listen(model, ["step"], showStep),
  ];
  show();
  return () => forget.forEach((end) => end());
}

/** Where a kernel answers, another text can be written. */
function fillForm(form, model) {
  const input = element("input", { type: "text" });
  input.value = model.get("text");
  form.append(
    element("label", { class: "llmlab-control" }, LABELS.text),
    input,
    element("button", { type: "submit" }, LABELS.cut),
  );
  input.setAttribute("aria-label", LABELS.text);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(model, { text: input.value });
  });
}

/** One tokenizer's tokens, gone through with the arrow keys. */
function pieceRow(name, title, tokens, say) {
  const group = element("div", { class: "llmlab-pieces", role: "radiogroup", "aria-label": title });
  const chips = tokens.map((token) =>
    element(
      "span",
      {
        class: "llmlab-piece",
        role: "radio",
        "aria-checked": "false",
        "aria-label": LABELS.piece(visible(token.text), token.id),
        click: (event) => event.currentTarget.focus(),
      },
      tokenLabel(token.text),
      element("span", { class: "llmlab-id", "aria-hidden": "true" }, String(token.id)),
    ),
  );
  const choose = (index) => {
    chips.forEach((chip, i) => chip.setAttribute("aria-checked", String(i === index)));
    const { text, id, bytes } = tokens[index];
    say(LABELS.token(name, index + 1, tokens.length, visible(text), id, bytes));
  };
  group.append(...chips);
  // One row of cells: up and down move as left and right do.
  const keys = gridKeys(group, { cells: () => chips, columns: () => chips.length, focused: choose });
  if (chips.length) keys.enter(0);
  return group;
}

/** The slider through the merges that change the text; undefined where there are none to show. */
function mergeSlider(model) {
  const steps = model.get("steps");
  if (steps.length < 2) return undefined;
  const name = model.get("merges_of");
  const all = grouped(model.get("n_merges"));
  const state = element("div", {});
  const words = element("p", { class: "llmlab-quiet", role: "status", "aria-live": "polite" });
  const control = slider(
    LABELS.slider,
    {
      min: 0,
      max: steps.length - 1,
      step: 1,
      value: model.get("step"),
      format: (step) => LABELS.merge(grouped(steps[step].merge), all),
    },
    (step) => save(model, { step }),
  );
  const show = ({ merge, left, right, count, tokens }, say) => {
    const times = count === null ? null : grouped(count);
    words.textContent = merge
      ? LABELS.joined(grouped(merge), visible(left), visible(right), times, tokens.length)
      : LABELS.before(tokens.length);
    state.replaceChildren(pieceRow(name, LABELS.state, tokens, say));
  };
  const title = element("h4", {}, LABELS.merges(name));
  return { parts: [title, control.box, words, state], show, set: control.set };
}

function tokenTable(rows) {
  const cells = rows.flatMap(({ name, tokens }) =>
    tokens.map((token, i) => [
      name,
      String(i + 1),
      tokenLabel(token.text),
      String(token.id),
      token.bytes || LABELS.unknown,
    ]),
  );
  return dataTable({ caption: LABELS.caption, columns: LABELS.columns, rows: cells });
}

function mergeDisclosure(steps) {
  const cells = () =>
    steps
      .slice(1)
      .map((step) => [
        grouped(step.merge),
        tokenLabel(step.left),
        tokenLabel(step.right),
        step.count === null ? LABELS.unknown : grouped(step.count),
        element("span", {}, ...step.tokens.flatMap((t, i) => [i ? " " : "", tokenLabel(t.text)])),
      ]);
  return disclosure(LABELS.mergeTable, () =>
    scrollBox(
      LABELS.mergeBox,
      dataTable({ caption: LABELS.mergeCaption, columns: LABELS.mergeColumns, rows: cells() }),
    ),
  );
}

export default { render };
