// Keeps the book for a reader without a connection: after the first visit its pages are on this
// machine. Where a browser has no service workers, or not at this address, nothing changes.
(() => {
  const PAUSE = 5000; // milliseconds in which the page itself, and a model, come first
  const root = document.documentElement.dataset.content_root;
  if (!navigator.serviceWorker || !location.protocol.startsWith("http")) return;
  const keep = () =>
    navigator.serviceWorker.register(new URL(`${root}offline.js`, location.href)).catch(() => {});
  window.addEventListener("load", () => setTimeout(keep, PAUSE));
})();
