/**
 * A model's files from a plain file server: fetched in parts, checked, and kept for the next visit.
 */

import { checked } from "./stream.js";

const CACHE = "llmlab-models-1";

/**
 * @param {string} base address of the folder with model.json
 * @param {{kernel: string, onProgress?: (loaded: number, total: number) => void}} options
 *     the address of kernel.wasm, and who is told how many bytes have come
 * @returns {Promise<import("./model.js").Source>}
 */
export async function fetchModel(base, { kernel, onProgress = () => {} }) {
  const manifest = await (await fetched(`${base}/model.json`)).json();
  const files = [manifest.tokenizer, ...manifest.parts];
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let loaded = 0;
  const tell = (bytes) => onProgress((loaded += bytes), total);
  const read = (part) => readPart(base, part, tell);
  return {
    manifest,
    kernel: async () => new Uint8Array(await (await fetched(kernel)).arrayBuffer()),
    tokenizer: async () => {
      const stream = new Blob([await read(manifest.tokenizer)]).stream();
      return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
    },
    async *parts() {
      // The next part is on its way while this one is unpacked.
      const waiting = manifest.parts.map((part) => () => read(part));
      let next = waiting.shift()?.();
      while (next) {
        const bytes = await next;
        next = waiting.shift()?.();
        next?.catch(() => {}); // reported when it is waited for
        yield bytes;
      }
    },
  };
}

/** A part's bytes: from the cache where they are whole, else from the server. */
async function readPart(base, part, tell) {
  const address = `${base}/${part.file}`;
  const cache = await openCache();
  const key = `${new URL(address, location.href)}?${part.sha256}`;
  const kept = await cache?.match(key).catch(() => null);
  if (kept) {
    try {
      const bytes = await checked(part, new Uint8Array(await kept.arrayBuffer()));
      tell(bytes.length);
      return bytes;
    } catch {
      await cache.delete(key).catch(() => {}); // altered on this machine: fetch it again
    }
  }
  const bytes = await checked(part, await body(await fetched(address), part, tell));
  await cache?.put(key, new Response(bytes)).catch(() => {}); // full: the next visit fetches again
  return bytes;
}

async function openCache() {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined; // not on this page, or not allowed
  }
}

async function fetched(address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error(`The model could not be fetched: ${fileName(address)} did not come.`);
  }
  if (!response.ok) {
    throw new Error(
      `The model could not be fetched: ${fileName(address)} is not there (${response.status}).`,
    );
  }
  return response;
}

function fileName(address) {
  return address.slice(address.lastIndexOf("/") + 1);
}

async function body(response, part, tell) {
  const bytes = new Uint8Array(part.bytes);
  const reader = response.body.getReader();
  let at = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return bytes.subarray(0, at);
    if (at + value.length > bytes.length) return new Uint8Array(at + value.length); // too long
    bytes.set(value, at);
    at += value.length;
    tell(value.length);
  }
}
