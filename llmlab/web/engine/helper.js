/**
 * A second worker that holds a model's head and reads out positions beside the first. The lens
 * multiplies the whole vocabulary once for each layer and position; two cores do it in half the
 * time.
 */

const PAYS_FROM = 5e7; // products a position; less is done sooner than sent

/** Whether a model's lens takes long enough for a helper, and there is a core for it. */
export function isWorthHelping({ config, embedding }) {
  const products = (config.n_layers + 1) * embedding.rows * embedding.columns;
  return products > PAYS_FROM && navigator.hardwareConcurrency > 1;
}

/**
 * @param {import("./transformer.js").Transformer} transformer
 * @returns {Promise<Helper | null>} null where the browser allows none
 */
export async function startHelper({ config, head, kernel }) {
  let helper;
  try {
    const url = new URL("helper_worker.js", import.meta.url);
    helper = new Helper(new Worker(url, { type: "module" }));
    const weights = copied(head.weights);
    const { buffer } = weights.embedding.weights;
    const vectors = config.n_layers + 1;
    await helper.ask({ weights, vectors, kernel: kernel.module }, [buffer]);
    return helper;
  } catch {
    helper?.end();
    return null; // no worker within a worker, or no memory: the first reads out alone
  }
}

/** The head's arrays out of the model's memory, which would be sent as a whole with any of them. */
function copied({ embedding, norm, eps }) {
  const own = { ...embedding };
  for (const name of Object.keys(own)) {
    if (ArrayBuffer.isView(own[name])) own[name] = own[name].slice();
  }
  return { embedding: own, norm: norm.slice(), eps };
}

export class Helper {
  /** @param {Worker} worker of helper_worker.js */
  constructor(worker) {
    this.worker = worker;
    this.waiting = []; // answers come in the order of the questions
    this.broken = false;
    worker.addEventListener("message", ({ data }) => this.receive(data));
    worker.addEventListener("error", () => this.end());
  }

  /**
   * @param {Float32Array} stream as of Readout.reading; handed over
   * @param {number} k
   * @returns {Promise<import("./readout.js").Reading>}
   */
  read(stream, k) {
    return this.ask({ stream, k }, [stream.buffer]);
  }

  ask(message, handedOver = []) {
    return new Promise((resolve, reject) => {
      if (this.broken) throw new Error("The helper has ended.");
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(message, handedOver);
    });
  }

  receive({ result, failed }) {
    if (failed) this.end();
    else this.waiting.shift().resolve(result);
  }

  /** It broke: whoever waits is told, and so is whoever asks again. */
  end() {
    this.broken = true;
    this.worker.terminate();
    for (const { reject } of this.waiting.splice(0)) reject(new Error("The helper has ended."));
  }
}
