/**
 * The playground: one form for all views of a page, its state in the address, and downloads.
 */

import { element, liveLine } from "../views/common.js";
import { makeBar } from "./bar.js";
import { download, traceCsv } from "./download.js";
import { pictureButtons } from "./picture.js";

const TRACED = ["attention", "residual", "logits"];
const FIELDS = [
  { name: "temperature", label: "Temperature", min: 0.05, max: 5, step: "any", value: 0.7 },
  { name: "topK", label: "Top-k", min: 1, max: 1000, value: "", optional: true },
  { name: "topP", label: "Top-p", min: 0.01, max: 1, step: "any", value: "", optional: true },
  { name: "seed", label: "Seed", min: 0, max: Number.MAX_SAFE_INTEGER, value: 0 },
  { name: "tokens", label: "Tokens", min: 1, max: 60, value: 12 },
];

const LABELS = {
  first: "Type a text and run it: every view on this page then shows that run.",
  running: (name, place, count) => `View ${place} of ${count} …`,
  done: (title) => `All views show the run of ${title}. The page's address now leads here.`,
  stopped: "Stopped. A view that was not run yet still shows the run before.",
  copy: "Copy the link",
  copied: "The link is copied.",
  json: "Trace as JSON",
  csv: "Attention as CSV",
};

export class Playground {
  /**
   * @param {HTMLElement} place where the form goes
   * @param {import("./models.js").Models} models
   */
  constructor(place, models) {
    this.models = models;
    this.list = models.list.filter(({ isTranslator }) => !isTranslator); // every view shows these
    this.carried = this.list[0];
    this.followers = [];
    this.latest = 0;
    this.hasRun = false;
    this.bar = makeBar({
      models,
      list: this.list,
      text: place.dataset.text ?? "",
      fields: FIELDS,
      run: () => this.run(),
      stop: () => this.stop(),
      choose: (carried) => this.choose(carried),
    });
    const button = (label, click) => element("button", { type: "button", click }, label);
    const tools = element(
      "div",
      { class: "controls tools" },
      button(LABELS.copy, () => this.copy()),
      button(LABELS.json, () => this.save("json")),
      button(LABELS.csv, () => this.save("csv")),
    );
    this.bar.node.insertBefore(tools, this.bar.node.lastChild);
    place.replaceChildren(this.bar.node);
    this.bar.offer(this.carried);
    this.bar.say(LABELS.first);
    this.bar.shown();
    if (this.read() && models.mayLoad(this.carried)) this.run();
  }

  get text() {
    return this.bar.text;
  }

  get fields() {
    return this.bar.fields;
  }

  /** Take a view in; one that is drawn after a run is run as well. */
  follow(follower) {
    follower.box.append(pictureButtons(follower.box, follower.name));
    this.followers.push(follower);
    if (this.hasRun) this.run();
  }

  async run() {
    const own = ++this.latest;
    const { carried } = this;
    this.write();
    this.bar.busy(true);
    try {
      const progress = this.bar.progress(carried.title, () => own === this.latest);
      await this.models.engine(carried).load(progress);
      for (const [i, follower] of this.followers.entries()) {
        if (own !== this.latest) return;
        this.bar.say(LABELS.running(follower.name, i + 1, this.followers.length));
        await follower.run(carried);
      }
      this.hasRun = true;
      if (own === this.latest) this.bar.say(LABELS.done(carried.title));
    } catch (error) {
      if (own === this.latest) this.bar.say(error.message, true);
    } finally {
      if (own === this.latest) this.bar.busy(false);
    }
  }

  stop() {
    this.latest += 1;
    this.bar.busy(false);
    this.bar.say(LABELS.stopped);
    this.models.engine(this.carried).cancel();
  }

  async choose(carried) {
    this.carried = carried;
    this.bar.offer(carried);
    try {
      await this.models.engine(carried).load(this.bar.progress(carried.title));
      this.bar.loaded(carried.title);
    } catch (error) {
      this.bar.say(error.message, true);
    }
  }

  /** The state into the page's address, so that the link leads to what is shown. */
  write() {
    const state = { text: this.text, model: this.carried.name, ...this.fields };
    const given = Object.entries(state).filter(([, value]) => value !== null);
    history.replaceState(null, "", `#${new URLSearchParams(given)}`);
  }

  /** The state out of the address. @returns {boolean} whether there is one */
  read() {
    const state = new URLSearchParams(location.hash.slice(1));
    if (!state.get("text")) return false;
    this.bar.text = state.get("text");
    const numbers = FIELDS.filter(({ name }) => state.has(name) || state.has("seed"));
    const valueOf = (name) => (Number.isFinite(parseFloat(state.get(name))) ? state.get(name) : null);
    this.bar.fields = Object.fromEntries(numbers.map(({ name }) => [name, valueOf(name)]));
    const named = this.list.find(({ name }) => name === state.get("model"));
    this.carried = named ?? this.carried;
    this.bar.offer(this.carried);
    return true;
  }

  async copy() {
    this.write();
    await navigator.clipboard.writeText(location.href);
    this.bar.say(LABELS.copied);
  }

  async save(kind) {
    try {
      const engine = this.models.engine(this.carried);
      const { trace } = await engine.trace(this.text, { record: TRACED });
      if (kind === "json") download("trace.json", JSON.stringify(trace), "application/json");
      else download("attention.csv", traceCsv(trace), "text/csv");
    } catch (error) {
      this.bar.say(error.message, true);
    }
  }
}

/** What stands in a view of the playground in place of a form of its own: a line that says. */
export function followerBar(playground) {
  const node = liveLine("llmlab-follower");
  return {
    node,
    offer() {},
    shown() {},
    busy() {},
    loaded() {},
    progress: () => () => {},
    say(words, isProblem = false) {
      node.textContent = words;
      node.classList.toggle("llmlab-problem", isProblem);
    },
    get text() {
      return playground.text;
    },
    get fields() {
      return playground.fields;
    },
  };
}
