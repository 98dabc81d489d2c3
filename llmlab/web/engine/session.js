/**
 * Runs of one model, one at a time: a new one ends the one before. The same code serves a worker
 * and, where there are no workers, the page itself.
 */

import { Cancelled } from "./cancelled.js";
import { context } from "./context.js";
import { embeddings } from "./embeddings.js";
import { lens as lensOf } from "./lens.js";
import { loadModel } from "./model.js";

const SLICE = 8; // milliseconds of work after which the page may answer

export class Session {
  /** @param {import("./model.js").Source} source */
  static async open(source) {
    return new Session(await loadModel(source));
  }

  constructor(model) {
    this.model = model;
    /** @type {import("./helper.js").Helper | null} who reads out a part of the lens */
    this.helper = null;
    this.current = 0;
  }

  /** End the run that is going on, if there is one. */
  cancel() {
    this.current += 1;
  }

  /**
   * What one run of the model over a text recorded.
   * @param {string} text
   * @param {object} [options] those of Model.trace, and lens: rows of each layer's table,
   *     where the stream is to be read out; top: rows of the next-token table (10)
   */
  async trace(text, { lens = 0, top = 10, ...options } = {}) {
    const trace = await this.drive(this.model.trace(text, options));
    const { helper } = this;
    const read = lens ? await this.drive(lensOf(trace, { k: lens, helper })) : null;
    const spelled = this.model.spelled(text);
    return { trace: trace.toRecord(), top: trace.top(top), lens: read, spelled };
  }

  /**
   * A run, its steps handed over as they come.
   * @param {string} prompt
   * @param {object} [options] those of generate
   * @param {(step: object) => void} [onStep]
   */
  async generate(prompt, options = {}, onStep = () => {}) {
    const steps = [];
    const run = await this.drive(this.model.generate(prompt, options), (step) => {
      steps.push(step);
      onStep(step);
    });
    return { ...run, steps, spelled: this.model.spelled(prompt) };
  }

  /** See embeddings.js. */
  async embeddings(words, options) {
    return this.drive(embeddings(this.model, words, options));
  }

  /** See context.js. */
  async context(sentences, options) {
    const { helper } = this;
    return this.drive(context(this.model, sentences, { ...options, helper }));
  }

  /** The tokens that the model reads for a text. */
  tokens(text) {
    const { tokenizer } = this.model;
    return tokenizer.encode(text, true).map((id) => tokenizer.token(id));
  }

  /** Let a generator run to its end, with pauses; a promise that it hands over is waited for. */
  async drive(generator, onValue = () => {}) {
    const own = ++this.current;
    let since = performance.now();
    for (;;) {
      const { value, done } = generator.next();
      if (done) return value;
      const isWaiting = value instanceof Promise;
      if (isWaiting) await value;
      else if (value !== undefined) onValue(value);
      if (!isWaiting && performance.now() - since < SLICE) continue;
      await tick();
      if (own !== this.current) throw new Cancelled();
      since = performance.now();
    }
  }
}

/** Let waiting messages and events be answered. A timer would be slowed down in a hidden tab. */
function tick() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
