/**
 * Views of a page without a kernel, woken: each gets a form, and what the reader types there is
 * run by the page's own engine and drawn in the stored run's place.
 */

import { percent, visible } from "../views/common.js";
import * as attention from "./attention.js";
import { makeBar } from "./bar.js";
import { changesPanel } from "./changes.js";
import * as context from "./context.js";
import * as embedding from "./embedding.js";
import * as nextToken from "./next_token.js";
import { followerBar, Playground } from "./playground.js";
import * as residual from "./residual.js";
import { textOf } from "./text.js";

export { Models } from "./models.js";

let playground = null; // the page's, which then has the only form

/** Set up what a page has one of. */
export function prepare(models) {
  const place = document.querySelector(".llmlab-playground");
  if (place && models.list.some((carried) => !carried.isTranslator)) {
    playground = new Playground(place, models);
  }
}

const KINDS = { attention, context, embedding, next_token: nextToken, residual };

const LABELS = {
  stored: "The view shows a stored run. Type a text, and a model runs here, in this page.",
  running: (title) => `${title} is running …`,
  writing: (words) => `So far: ${words}`,
  wrote: (words) => `It wrote “${words}”.`,
  next: (row) => `Next it expects “${visible(row.text)}” with ${percent(row.probability)}.`,
  computed: (title, seconds) => `Computed in this page by ${title} in ${seconds} s.`,
  stopped: "Stopped. The view still shows the run before.",
  spelled: (token, pieces) =>
    `“${visible(token)}” was left out of this page's vocabulary and is read as ${pieces}.`,
  kept: (tokens, share) =>
    `This page has ${tokens} of its tokens, which hold ${share} of the full model's probability ` +
    "on the book's own text; the percentages here are of these.",
};

/**
 * @param {object} view
 * @param {HTMLElement} view.box the view's element
 * @param {string} view.name of its module
 * @param {object} view.model its StaticModel
 * @param {(state: object) => void} view.redraw draws it with another state
 * @param {import("./models.js").Models} models
 */
export function attach({ box, name, model, redraw }, models) {
  const kind = KINDS[name];
  if (!kind) return; // a view that has nothing to run
  const list = models.list.filter((each) => kind.serves(each, model));
  if (!list.length) return;
  // The model of the stored run, where it may be loaded without asking.
  const isOfRun = (each) => each.name === model.get("model_name") && models.mayLoad(each);
  let carried = list.find(isOfRun) ?? list[0];
  let latest = 0; // runs are numbered: only the last one is drawn
  let shown = null; // what the view shows, once it was run here
  const bar = playground ? followerBar(playground) : makeBar({
    models,
    list,
    text: kind.startText?.(model) ?? textOf(kind.tokensOf(model)),
    label: kind.LABEL,
    fields: kind.FIELDS,
    run: () => run(),
    stop,
    choose(other) {
      carried = other;
      bar.offer(carried);
      load();
    },
  });
  const canChange = name === "attention" && !carried.isTranslator;
  const panel = canChange ? changesPanel(model, (changes) => run({ changes })) : null;

  function load() {
    const chosen = carried;
    return guarded(async (isLatest) => {
      await models.engine(chosen).load(bar.progress(chosen.title, isLatest));
      if (isLatest()) bar.loaded(chosen.title);
    });
  }

  /** End what is going on, a run that still waits for its model as well. */
  function stop() {
    latest += 1;
    bar.busy(false);
    bar.say(LABELS.stopped);
    models.engine(carried).cancel();
  }

  /** Do something, and say it where it fails; what the view shows stays. */
  async function guarded(action) {
    const own = ++latest;
    bar.say("");
    bar.busy(true);
    try {
      await action(() => own === latest);
    } catch (error) {
      if (own !== latest) return;
      const wasStopped = error.name === "Cancelled";
      bar.say(wasStopped ? LABELS.stopped : error.message, !wasStopped);
    } finally {
      if (own === latest) bar.busy(false);
    }
  }

  function run({ changes } = {}) {
    const { text } = changes ? shown : bar;
    const { fields } = bar;
    const used = changes ? shown.carried : carried;
    return guarded(async (isLatest) => {
      const engine = models.engine(used);
      await engine.load(bar.progress(used.title, isLatest));
      if (!isLatest()) return;
      bar.say(LABELS.running(used.title));
      const since = performance.now();
      const found = await kind.run(engine, text, { model, fields, changes }, (words) => {
        if (isLatest()) bar.say(LABELS.writing(words));
      });
      if (!isLatest()) return;
      const seconds = ((performance.now() - since) / 1000).toFixed(2);
      redraw({ ...found.state, ...(changes ? {} : kind.choiceIn(found.state, model)) });
      shown = { text, fields, carried: used, plain: changes ? shown.plain : found };
      panel?.show(shown.plain, changes ? found : null);
      bar.say(sentences(found, used, seconds).join(" "));
    });
  }

  /** What a view that was run here asks for: another token in the place of one. */
  model.answer = (message) => {
    model.state.status = "";
    return guarded(async (isLatest) => {
      bar.say(LABELS.running(shown.carried.title));
      const engine = models.engine(shown.carried);
      const run = { text: shown.text, seed: shown.fields.seed };
      const state = await nextToken.branch(engine, run, model, message);
      if (!isLatest()) return;
      for (const [key, value] of Object.entries(state)) model.state[key] = value;
      model.emit("change:branches");
      bar.say("");
    });
  };

  bar.offer(carried);
  bar.say(LABELS.stored);
  box.prepend(bar.node);
  if (panel) box.append(panel.node);
  bar.shown();
  // The small model is fetched when the reader first touches the view, so that it is here in time.
  const touched = () => {
    if (models.mayLoad(carried)) models.engine(carried).load().catch(() => {}); // said at the run
  };
  for (const event of ["focusin", "pointerdown"]) {
    box.addEventListener(event, touched, { once: true });
  }
  playground?.follow({
    name,
    box,
    async run(other) {
      if (!list.includes(other)) return;
      carried = other;
      await run();
    },
  });
}

function sentences(found, { title, keptShare, nKept }, seconds) {
  const said = [];
  if (found.words !== undefined) said.push(LABELS.wrote(found.words));
  else if (found.top) said.push(LABELS.next(found.top[0]));
  said.push(LABELS.computed(title, seconds));
  for (const { token, pieces } of found.spelled ?? []) {
    const names = pieces.map(({ text }) => `“${visible(text)}”`).join(" + ");
    said.push(LABELS.spelled(token.text, names));
  }
  if (nKept) said.push(LABELS.kept(nKept.toLocaleString("en"), percent(keptShare)));
  return said;
}
