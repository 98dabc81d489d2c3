/** The second worker: answers the messages of helper.js. */

import { makeKernel, reserveScratch } from "./kernel.js";
import { MemoryPlan, open } from "./memory.js";
import { Readout, reserveReadout } from "./readout.js";

/** @type {Readout} */
let head;

/** Put the head's matrix into a memory of this worker's own. */
async function start({ weights: { embedding, norm, eps }, vectors, kernel }) {
  const plan = new MemoryPlan();
  const moved = Object.keys(embedding).filter((name) => ArrayBuffer.isView(embedding[name]));
  const places = moved.map((name) => {
    return plan.reserve(embedding[name].constructor, embedding[name].length);
  });
  const integers = reserveScratch(plan, vectors * embedding.columns);
  const { h, logits } = reserveReadout(plan, embedding, vectors);
  const memory = plan.allocate();
  const own = { ...embedding };
  moved.forEach((name, i) => {
    own[name] = open(memory, places[i]);
    own[name].set(embedding[name]);
  });
  const scratch = { h: open(memory, h), logits: open(memory, logits) };
  const products = await makeKernel(kernel, memory, integers);
  head = new Readout({ embedding: own, norm, eps }, products, scratch);
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ result: data.weights ? await start(data) : head.reading(data.stream, data.k) });
  } catch (error) {
    postMessage({ failed: error.message });
  }
});
