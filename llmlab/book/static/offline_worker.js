// The service worker of the whole book. What stands on the server is shown where it can be had;
// where it cannot, what was kept is shown. Models keep their own weights: see engine/files.js.

const NAME = "llmlab-book-";
const CACHE = `${NAME}${book.version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(book.files))
      .then(() => self.skipWaiting()),
  );
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
