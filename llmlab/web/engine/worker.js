/** The engine in a worker: answers the messages of engine.js. */

import { fetchModel } from "./files.js";
import { isWorthHelping, startHelper } from "./helper.js";
import { Session } from "./session.js";

/** @type {Promise<Session>} */
let session;

const ACTIONS = {
  async load(tell, base, kernel) {
    const onProgress = (loaded, total) => tell({ progress: { loaded, total } });
    session = fetchModel(base, { kernel, onProgress }).then((source) => Session.open(source));
    const opened = await session;
    const { model } = opened;
    if (isWorthHelping(model.transformer)) {
      startHelper(model.transformer).then((helper) => (opened.helper = helper));
    }
    return { name: model.name, config: model.config, context: model.transformer.context };
  },
  async trace(_, text, options) {
    return (await session).trace(text, options);
  },
  async generate(tell, prompt, options) {
    return (await session).generate(prompt, options, (step) => tell({ step }));
  },
  async embeddings(_, words, options) {
    return (await session).embeddings(words, options);
  },
  async context(_, sentences, options) {
    return (await session).context(sentences, options);
  },
  async tokens(_, text) {
    return (await session).tokens(text);
  },
  async cancel() {
    (await session).cancel();
  },
};

addEventListener("message", async ({ data: { id, action, values } }) => {
  const tell = (message) => postMessage({ id, ...message });
  try {
    tell({ result: await ACTIONS[action](tell, ...values) });
  } catch (error) {
    tell({ failed: { name: error.name, message: error.message } });
  }
});
