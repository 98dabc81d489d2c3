/**
 * Models on a page opened from a file, where neither fetch nor workers are allowed: the weights
 * come in a script, and the runs take turns with the page.
 */

import { Session } from "../engine/session.js";
import { checked } from "../engine/stream.js";

/** @param {import("./models.js").Carried} carried */
export function open(carried) {
  return new ScriptedEngine(carried);
}

/** The methods of Engine, without a worker. */
class ScriptedEngine {
  constructor({ address }) {
    this.address = address;
    this.loading = null;
  }

  /** A script comes as a whole: there is no progress to tell. */
  load() {
    this.loading ??= this.start().catch((error) => {
      this.loading = null;
      throw error;
    });
    return this.loading;
  }

  async start() {
    const files = await filesOf(this.address);
    const { manifest } = files;
    const read = (part) => checked(part, decoded(files[part.file]));
    return Session.open({
      manifest,
      kernel: async () => decoded(window.llmlabFiles["kernel.wasm"]),
      tokenizer: async () => {
        const stream = new Blob([await read(manifest.tokenizer)]).stream();
        return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
      },
      async *parts() {
        for (const part of manifest.parts) yield read(part);
      },
    });
  }

  async trace(text, options) {
    return (await this.load()).trace(text, options);
  }

  async generate(prompt, options, onStep) {
    return (await this.load()).generate(prompt, options, onStep);
  }

  async embeddings(words, options) {
    return (await this.load()).embeddings(words, options);
  }

  async context(sentences, options) {
    return (await this.load()).context(sentences, options);
  }

  async tokens(text) {
    return (await this.load()).tokens(text);
  }

  async cancel() {
    await this.loading?.then(
      (session) => session.cancel(),
      () => {}, // a model that could not be loaded has no run
    );
  }
}

/** What the script beside a model hands over: its manifest, and its files in base64. */
function filesOf(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${address}/model.js`;
    script.onload = () => resolve(window.llmlabModel);
    script.onerror = () => {
      reject(new Error("This model is too large for a page opened from a file: use a server."));
    };
    document.head.append(script);
  });
}

function decoded(base64) {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
