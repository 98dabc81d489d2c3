/**
 * The engine as a page sees it: a model that is loaded once and asked in its worker, so that the
 * page stays quick.
 *
 *     const engine = new Engine("models/mini");
 *     await engine.load((loaded, total) => …);
 *     const { trace, top } = await engine.trace("我爱北京天安", { record: ["attention"] });
 *     await engine.generate("如何", { topK: 1 }, (step) => …);
 */

import { Cancelled } from "./cancelled.js";

const HERE = new URL(".", import.meta.url);

export class Engine {
  /**
   * @param {string} base address of a folder that the exporter wrote
   * @param {{kernel?: string}} [options] the address of kernel.wasm
   */
  constructor(base, { kernel = new URL("../kernel.wasm", HERE).href } = {}) {
    this.base = new URL(base, location.href).href.replace(/\/$/u, "");
    this.kernel = kernel;
    this.waiting = new Map();
    this.watching = new Set();
    this.count = 0;
    this.loading = null;
  }

  /**
   * Load the model; a second call waits for the first, and tries again where that failed.
   * @param {(loaded: number, total: number) => void} [onProgress] in bytes
   */
  load(onProgress) {
    if (onProgress) this.watching.add(onProgress);
    this.loading ??= this.start().catch((error) => {
      this.loading = null;
      this.worker?.terminate();
      throw error;
    });
    return this.loading.finally(() => this.watching.delete(onProgress));
  }

  start() {
    this.worker = new Worker(new URL("worker.js", HERE), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.receive(data));
    this.worker.addEventListener("error", (event) => this.fail(event.message));
    const onMessage = ({ progress: { loaded, total } }) => {
      for (const tell of this.watching) tell(loaded, total);
    };
    return this.ask("load", [this.base, this.kernel], onMessage);
  }

  /** See Session.trace. */
  async trace(text, options = {}) {
    await this.load();
    return this.ask("trace", [text, options]);
  }

  /** See Session.generate. */
  async generate(prompt, options = {}, onStep = () => {}) {
    await this.load();
    return this.ask("generate", [prompt, options], ({ step }) => onStep(step));
  }

  /** See Session.embeddings. */
  async embeddings(words, options = {}) {
    await this.load();
    return this.ask("embeddings", [words, options]);
  }

  /** See Session.context. */
  async context(sentences, options = {}) {
    await this.load();
    return this.ask("context", [sentences, options]);
  }

  /** The tokens that the model reads for a text. */
  async tokens(text) {
    await this.load();
    return this.ask("tokens", [text]);
  }

  /** End the run that is going on; it is rejected with Cancelled. */
  async cancel() {
    await this.loading?.then(
      () => this.ask("cancel", []),
      () => {}, // a model that could not be loaded has no run
    );
  }

  ask(action, values, onMessage = () => {}) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onMessage });
      this.worker.postMessage({ id, action, values });
    });
  }

  receive({ id, failed, ...message }) {
    const { resolve, reject, onMessage } = this.waiting.get(id);
    if (failed) {
      this.waiting.delete(id);
      reject(failed.name === "Cancelled" ? new Cancelled() : new Error(failed.message));
    } else if ("result" in message) {
      this.waiting.delete(id);
      resolve(message.result);
    } else {
      onMessage(message);
    }
  }

  /** The worker itself broke: whoever waits is told. */
  fail(why) {
    for (const { reject } of this.waiting.values()) {
      reject(new Error(`The engine stopped: ${why ?? "its script could not be loaded"}.`));
    }
    this.waiting.clear();
    this.loading = null;
  }
}
