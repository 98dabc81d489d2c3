// Shared by all views. Every view's module is STYLE, this file and the view's own files, joined in
// that order, so nothing here is imported or exported. Text goes in as text nodes, never as markup.

// --- Text ---------------------------------------------------------------------------------------

const PICTURES = { "\n": "⏎", "\t": "⇥", " ": "·", "\x7f": "␡" };
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]/gu;

/**
 * The text with nothing in it that a reader could not see: a space is ·, a newline ⏎, NUL ␀, and
 * what else draws nothing or turns text around is named, U+200F. `base.py` has the same function.
 * @param {string} text
 */
function visible(text) {
  const written = text.replace(UNSEEN, (char) => {
    const code = char.codePointAt(0);
    if (PICTURES[char]) return PICTURES[char];
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    return "U+" + code.toString(16).toUpperCase().padStart(4, "0");
  });
  return /^\p{M}/u.test(written) ? "◌" + written : written;
}

/** A share as per cent: 0.7531 is "75.3 %"; what would round to nothing is "< 0.1 %". */
function percent(share, digits = 1) {
  const smallest = 10 ** -digits;
  if (share > 0 && share * 100 < smallest / 2) return `< ${smallest.toFixed(digits)} %`;
  return `${(share * 100).toFixed(digits)} %`;
}

/** A number with a true minus sign, so that columns of numbers line up. */
function number(value, digits = 3) {
  return value.toFixed(digits).replace("-", "−");
}

/** A number of at most so many significant digits, zeros at the end dropped: −26.598. */
function digits(value, count = 6) {
  return String(Number(value.toPrecision(count))).replace(/-/g, "−");
}

/** Where a stream is read out, in words: after 3 layers. `base.py` has the same function. */
function afterLayers(count) {
  return count === 0 ? "at the embedding" : `after ${count} layer${count === 1 ? "" : "s"}`;
}

// --- Arrays -------------------------------------------------------------------------------------

/**
 * Reads an array object, {shape, dtype, data: base64 of little-endian bytes}.
 * @returns {{shape: number[], data: Float32Array, at: (...index: number[]) => number}}
 */
function decodeArray({ shape, dtype, data: encoded }) {
  const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
  const read = new DataView(bytes.buffer);
  const width = dtype === "float16" ? 2 : 4;
  const data = new Float32Array(bytes.length / width);
  for (let i = 0; i < data.length; i++) {
    data[i] = width === 2 ? halfToFloat(read.getUint16(2 * i, true)) : read.getFloat32(4 * i, true);
  }
  const at = (...index) => data[index.reduce((offset, i, axis) => offset * shape[axis] + i, 0)];
  return { shape, data, at };
}

/** IEEE 754 half precision from its 16 bits; Float16Array is too new to count on. */
function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// --- Elements -----------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes, listeners (functions, by event name), and children; strings become
 * text nodes. An attribute that is null, undefined or false is left out.
 */
function element(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for a part of a drawing. */
function drawing(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "style")
      Object.entries(value).forEach((pair) => node.style.setProperty(...pair));
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat());
  return node;
}

/** A token as a reader should see it: every character visible, kept apart from text around it. */
function tokenLabel(text) {
  return element("bdi", { class: "llmlab-token", title: visible(text) }, visible(text));
}

/**
 * A table of text: for the numbers behind a drawing.
 * @param {{caption: string, columns: (string|Node)[], rows: (string|Node)[][]}} content the first
 *   cell of a row is its header
 */
function dataTable({ caption, columns, rows }) {
  const head = columns.map((label) => element("th", { scope: "col" }, label));
  const body = rows.map(([header, ...cells]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, header),
      cells.map((cell) => element("td", {}, cell)),
    ),
  );
  return element(
    "table",
    { class: "llmlab-table" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, head)),
    element("tbody", {}, body),
  );
}

/** What is wider than a phone moves inside its own box, reachable by keyboard. */
function scrollBox(label, ...children) {
  return element(
    "div",
    { class: "llmlab-scroll", tabindex: 0, role: "group", "aria-label": label },
    children,
  );
}

/** A part that opens on demand; `fill` returns its content, made when it is first opened. */
function disclosure(summary, fill) {
  const box = element("details", { class: "llmlab-details" }, element("summary", {}, summary));
  box.addEventListener("toggle", () => box.open && box.children.length === 1 && box.append(fill()));
  return box;
}

/** Makes the content of an opened disclosure anew, and forgets that of a closed one. */
function refill(box, fill) {
  const [, content] = box.children; // none yet where it has just been opened
  if (box.open) content?.replaceWith(fill());
  else content?.remove();
}

function checkbox(label, checked, changed) {
  const input = element("input", { type: "checkbox", change: () => changed(input.checked) });
  input.checked = checked;
  return { input, box: element("label", { class: "llmlab-control" }, input, " ", label) };
}

/** A slider with its label and its value in words. */
function slider(label, { min, max, step, value, format = String }, changed) {
  const shown = element("output", { class: "llmlab-value" });
  const input = element("input", { type: "range", min, max, step });
  const show = () => {
    shown.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const set = (next) => {
    input.value = next;
    show();
  };
  input.addEventListener("input", () => {
    show();
    changed(Number(input.value));
  });
  set(value);
  return {
    input,
    set,
    box: element("label", { class: "llmlab-control" }, label, " ", input, " ", shown),
  };
}

// What a key adds to a slider, in steps of the slider's own choosing.
const SLIDER_KEYS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
};

const FARTHEST = 1e6; // what may be typed

/**
 * A slider and a number field that hold the same number.
 * @param {{range: string, field: string}} labels what the number is, for each of the two
 * @param {[number, number]} limits the slider's; the field takes more
 * @param {(value: number) => void} changed called as it moves
 * @param {() => void} settled called when it has come to rest
 */
function numberControl(labels, limits, changed, settled) {
  let value = 0;
  const range = element("input", { type: "range", step: "any", "aria-label": labels.range });
  const field = element("input", {
    type: "number",
    step: "any",
    inputmode: "decimal",
    "aria-label": labels.field,
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
  const bound = ([least, most]) => {
    Object.assign(range, { min: least, max: most });
    show(); // a slider that had been too short for its number
  };
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

/** A choice from a list. @param {{value: string, label: string}[]} options */
function choice(label, options, value, changed) {
  const input = element(
    "select",
    { change: () => changed(input.value) },
    options.map((option) => element("option", { value: option.value }, option.label)),
  );
  input.value = value;
  return { input, box: element("label", { class: "llmlab-control" }, label, " ", input) };
}

/** A line that is seen and, when it changes, spoken by a screen reader. */
function liveLine(className = "llmlab-live") {
  return element("p", { class: className, role: "status", "aria-live": "polite" });
}

// --- Keyboard -----------------------------------------------------------------------------------

/**
 * Arrow keys over a grid of cells in which one cell at a time is in the tab order.
 * @param {HTMLElement} container
 * @param {{cells: () => HTMLElement[], columns: () => number, focused?: (index: number) => void,
 *   chosen?: (index: number) => void}} options cells in reading order
 * @returns {{enter: (index: number) => void}} makes a cell the one that Tab reaches
 */
function gridKeys(container, { cells, columns, focused, chosen }) {
  const enter = (index) => {
    cells().forEach((cell, i) => cell.setAttribute("tabindex", i === index ? 0 : -1));
  };
  const indexOf = (event) => cells().findIndex((cell) => cell.contains(event.target));
  container.addEventListener("focusin", (event) => {
    const index = indexOf(event);
    if (index < 0) return;
    enter(index);
    focused?.(index);
  });
  container.addEventListener("keydown", (event) => {
    const index = indexOf(event);
    if (index < 0 || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      if (!chosen) return;
      event.preventDefault();
      chosen(index);
      return;
    }
    const next = neighbour(index, event, columns(), cells().length);
    if (next === undefined) return;
    event.preventDefault();
    cells()[next]?.focus();
  });
  return { enter };
}

function neighbour(index, { key, ctrlKey }, columns, count) {
  const column = index % columns;
  const rowStart = index - column;
  const rowEnd = Math.min(rowStart + columns, count) - 1;
  switch (key) {
    case "ArrowLeft":
      return Math.max(index - 1, rowStart);
    case "ArrowRight":
      return Math.min(index + 1, rowEnd);
    case "ArrowUp":
      return index >= columns ? index - columns : index;
    case "ArrowDown":
      return index + columns < count ? index + columns : index;
    case "Home":
      return ctrlKey ? 0 : rowStart;
    case "End":
      return ctrlKey ? count - 1 : rowEnd;
  }
}

/**
 * Tokens as chips, one of which is chosen: by a click or by arrow keys.
 * @param {string} label what is chosen
 * @param {string[]} texts
 * @param {(index: number) => void} choose
 * @returns {{box: HTMLElement, mark: (index: number) => void}}
 */
function tokenChips(label, texts, choose) {
  const chips = texts.map((text, i) =>
    element(
      "button",
      { type: "button", role: "radio", class: "llmlab-chip", click: () => choose(i) },
      tokenLabel(text),
    ),
  );
  const box = element(
    "div",
    { class: "llmlab-words", role: "radiogroup", "aria-label": label },
    chips,
  );
  gridKeys(box, { cells: () => chips, columns: () => chips.length, focused: choose });
  return {
    box,
    mark: (index) =>
      chips.forEach((chip, i) => {
        chip.setAttribute("aria-checked", i === index);
        chip.tabIndex = i === index ? 0 : -1;
      }),
  };
}

// --- Colour -------------------------------------------------------------------------------------

// One hue, from the page's paper to the strongest ink: told apart by lightness, so by every eye.
const RAMPS = {
  light: ["#ffffff", "#dbe7f3", "#a9c7e2", "#6a9fcb", "#34719f", "#164a73", "#082b49"],
  dark: ["#16191d", "#1d3146", "#264d70", "#3470a0", "#5b99c9", "#9cc6e6", "#e6f3ff"],
};
for (const [theme, stops] of Object.entries(RAMPS)) {
  RAMPS[theme] = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
}

/** The colour of a share from 0 to 1 in a theme, as [red, green, blue]. */
function rampColour(share, theme) {
  const stops = RAMPS[theme];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  return stops[low].map((value, i) =>
    Math.round(value + (stops[low + 1][i] - value) * (place - low)),
  );
}

/** Black or white, whichever is read better on a colour (by relative luminance, WCAG 2). */
function inkOn(colour) {
  const [r, g, b] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return luminance > 0.179 ? "#000000" : "#ffffff";
}

function cssColour(colour) {
  return `rgb(${colour.join(" ")})`;
}

/** "light" or "dark": the book's theme, JupyterLab's, or what the reader's system prefers. */
function pageTheme() {
  const book = document.documentElement.dataset.theme;
  if (book === "light" || book === "dark") return book;
  const lab = document.body.dataset.jpThemeLight;
  if (lab) return lab === "true" ? "light" : "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Calls `changed` with the theme now and whenever it changes; returns what ends that. */
function followTheme(changed) {
  let theme;
  const look = () => {
    if (theme !== pageTheme()) changed((theme = pageTheme()));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", look);
  look();
  return () => {
    observer.disconnect();
    query.removeEventListener("change", look);
  };
}

// --- A view and its model -----------------------------------------------------------------------

/**
 * The root element of a view, with its style and its theme.
 * @param {HTMLElement} el where the page wants the view
 * @param {string} name the view's class: "attention" makes .llmlab-attention
 * @param {string} label what the whole view is, for a screen reader
 */
function viewRoot(el, name, label) {
  const root = element("section", { class: `llmlab llmlab-${name}`, "aria-label": label });
  // The style goes in with the view, not into the page's head: some notebooks show views in a
  // shadow tree, where the head's style does not reach.
  el.replaceChildren(element("style", {}, STYLE), root);
  return root;
}

/** Sets values of the model together and tells Python, where there is one. */
function save(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/** Calls `changed` when one of the model's values changes; returns what ends that. */
function listen(model, names, changed) {
  for (const name of names) model.on(`change:${name}`, changed);
  return () => names.forEach((name) => model.off(`change:${name}`, changed));
}
