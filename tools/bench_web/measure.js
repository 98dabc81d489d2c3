/** What bench.py runs in a page: each engine over the same prompt, all times in milliseconds. */

const NEW = 32; // tokens written after the first one

async function timed(action) {
  const since = performance.now();
  const result = await action();
  return [performance.now() - since, result];
}

/** The median of some runs after one that only warms up. */
async function median(rounds, action) {
  await action();
  const times = [];
  for (let i = 0; i < rounds; i++) times.push((await timed(action))[0]);
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)];
}

/** Milliseconds of a prompt with one token, and of each token after it. */
async function writing(rounds, write) {
  const first = await median(rounds, () => write(1));
  const all = await median(rounds, () => write(1 + NEW));
  return { prompt: first, token: (all - first) / NEW };
}

/** The book's engine, in its worker, as the pages use it. */
export async function ours({ engine, model, prompt, rounds }) {
  const { Engine } = await import(engine);
  const it = new Engine(model);
  const [load] = await timed(() => it.load());
  const options = { record: ["attention", "residual", "logits"], lens: 3 };
  const trace = await median(rounds, () => it.trace(prompt, options));
  const write = (maxNewTokens) => it.generate(prompt, { maxNewTokens, topK: 1 });
  return { load, trace, tokens: (await it.tokens(prompt)).length, ...(await writing(rounds, write)) };
}

/** llama.cpp compiled to WebAssembly, with one thread, as without special headers it must be. */
export async function wllama({ folder, model, prompt, rounds }) {
  const { Wllama, LoggerWithoutDebug } = await import(`${folder}/index.js`);
  const it = new Wllama({ default: `${folder}/wasm/wllama.wasm` }, { logger: LoggerWithoutDebug });
  const options = { n_threads: 1, n_ctx: 512, n_gpu_layers: 0, useCache: false };
  const [load] = await timed(() => it.loadModelFromUrl(model, options));
  const write = (max_tokens) =>
    it.createCompletion({ prompt, max_tokens, temperature: 0, cache_prompt: false });
  return { load, ...(await writing(rounds, write)) };
}

/** onnxruntime-web over the graph of gemma_onnx.py. */
export async function onnx({ folder, model, ids, rounds, dHead }) {
  const ort = await import(`${folder}/ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = `${folder}/`;
  const [load, session] = await timed(() =>
    ort.InferenceSession.create(model, { executionProviders: ["wasm"] }),
  );
  const caches = session.inputNames.filter((name) => name !== "ids");
  async function write(count) {
    const empty = () => new ort.Tensor("float32", new Float32Array(0), [1, 1, 0, dHead]);
    let feeds = Object.fromEntries(caches.map((name) => [name, empty()]));
    let next = ids;
    for (let i = 0; i < count; i++) {
      feeds.ids = new ort.Tensor("int64", BigInt64Array.from(next, BigInt), [1, next.length]);
      const found = await session.run(feeds);
      const logits = found.logits.data;
      next = [logits.reduce((best, value, id) => (value > logits[best] ? id : best), 0)];
      feeds = Object.fromEntries(caches.map((name) => [name, found[name.replace("past", "now")]]));
    }
  }
  return { load, ...(await writing(rounds, write)) };
}
