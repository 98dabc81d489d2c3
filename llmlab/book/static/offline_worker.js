// The service worker of the whole book. What stands on the server is shown where it can be had;
// where it cannot, what was kept is shown. Models keep their own weights: see engine/files.js.

const NAME = "llmlab-book-";
const CACHE = `${NAME}${book.version}`;

/** One file after the other: the reader's own requests go before these. */
async function keep() {
  const cache = await caches.open(CACHE);
  for (const file of book.files) await cache.add(new Request(file, { priority: "low" }));
}

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(NAME) && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(
    fetch(request).catch(async (error) => {
      const kept = await caches.match(request, { cacheName: CACHE, ignoreSearch: true });
      if (kept) return kept;
      throw error;
    }),
  );
});
