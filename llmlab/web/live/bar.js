/** The form above a view: a text, a model, and the button that runs it in the page. */

import { element, followTheme, liveLine } from "../views/common.js";

const LABELS = {
  bar: "Run it on your own text",
  text: "Your text",
  model: "Model",
  run: "Run in this page",
  stop: "Stop",
  load: (title, bytes) => `Load ${title}, ${megabytes(bytes)}`,
  loading: (title, loaded, total) =>
    `Loading ${title}: ${megabytes(loaded)} of ${megabytes(total)} …`,
  loaded: (title) => `${title} is here. Run it.`,
};

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/**
 * @param {object} options
 * @param {import("./models.js").Models} options.models
 * @param {import("./models.js").Carried[]} [options.list] those of them to choose from
 * @param {string} options.text to begin with
 * @param {string} [options.label] what the text is
 * @param {Array<{name: string, label: string, min: number, max: number, value: number,
 *     step?: number | "any", optional?: boolean}>} options.fields numbers that the run takes as
 *     well; an optional one that is left empty is null
 * @param {() => void} options.run called for a run with what the form holds
 * @param {() => void} options.stop
 * @param {(carried: object) => void} options.choose called when another model is chosen
 */
export function makeBar({
  models,
  list = models.list,
  text,
  label = LABELS.text,
  fields = [],
  run,
  stop,
  choose,
}) {
  const input = element("textarea", { rows: 1, spellcheck: "false", autocomplete: "off" });
  input.value = text;
  const status = liveLine();
  const start = element("button", { type: "submit", class: "start" }, LABELS.run);
  const end = element("button", { type: "button", hidden: true, click: stop }, LABELS.stop);
  const numbers = fields.map(({ name, label, optional = false, ...limits }) => {
    const field = element("input", { type: "number", step: 1, required: !optional, ...limits });
    return { name, field, box: element("label", { class: "llmlab-control" }, label, " ", field) };
  });
  const offers = element("span", { class: "offers" });
  const form = element(
    "form",
    { class: "llmlab llmlab-form", "aria-label": LABELS.bar, submit: submitted },
    element("label", { class: "text" }, element("span", {}, label), input),
    element("div", { class: "controls" }, offers, numbers.map(({ box }) => box), start, end),
    status,
  );

  function submitted(event) {
    event.preventDefault();
    if (form.reportValidity()) run();
  }
  // Enter runs; a new line takes Shift, for a text is mostly one line.
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const fit = () => {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + 2}px`;
  };
  input.addEventListener("input", fit);

  /** The models to choose from, and a button for each that is yet to be asked for. */
  function offer(chosen) {
    const here = list.filter((carried) => models.mayLoad(carried));
    const select = element(
      "select",
      { "aria-label": LABELS.model, change: () => choose(models.find(select.value)) },
      here.map(({ name, title }) => element("option", { value: name }, title)),
    );
    select.value = chosen.name;
    const asked = list.filter((carried) => !models.mayLoad(carried));
    const buttons = asked.map((carried) => {
      const click = () => {
        models.allow(carried);
        choose(carried);
      };
      const label = LABELS.load(carried.title, carried.bytes);
      return element("button", { type: "button", class: "load", title: carried.terms, click }, label);
    });
    offers.replaceChildren(...(here.length ? [select] : []), ...buttons);
    start.disabled = !models.mayLoad(chosen);
  }

  return {
    node: form,
    offer,
    shown: fit,
    forget: followTheme((theme) => (form.dataset.theme = theme)),
    get text() {
      return input.value;
    },
    set text(value) {
      input.value = value;
      fit();
    },
    get fields() {
      const value = ({ field }) => (field.value === "" ? null : field.valueAsNumber);
      return Object.fromEntries(numbers.map((number) => [number.name, value(number)]));
    },
    set fields(values) {
      for (const { name, field } of numbers) if (name in values) field.value = values[name] ?? "";
    },
    busy(isBusy) {
      form.setAttribute("aria-busy", isBusy);
      if (!isBusy && document.activeElement === end) start.focus(); // it would be nowhere
      end.hidden = !isBusy;
    },
    say(words, isProblem = false) {
      status.textContent = words;
      status.classList.toggle("llmlab-problem", isProblem);
    },
    /** Says how much of a model is here, for as long as that is what the reader waits for. */
    progress: (title, isWaitedFor = () => true) => (loaded, total) => {
      if (isWaitedFor()) status.textContent = LABELS.loading(title, loaded, total);
    },
    loaded: (title) => (status.textContent = LABELS.loaded(title)),
  };
}
