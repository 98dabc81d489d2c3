// Lets the views of a page without a kernel run a model themselves. Its script element says which
// models the site carries and where the engine is; views.js calls llmlabWake for each drawn view.
// The engine's modules are imported from their files; on a page opened from a file, where that is
// blocked, one script hands over the text of all, and each is imported from a blob.
(() => {
  const script = document.currentScript;
  const { folder, models } = JSON.parse(script.dataset.live);
  const at = (path) => new URL(path, script.src).href;
  const isFile = location.protocol === "file:";
  let loading;

  async function load() {
    const opener = isFile ? "live/scripted.js" : "live/served.js";
    const address = isFile ? await blobs() : (path) => at(`${folder}/${path}`);
    const [live, { open }] = await Promise.all(
      ["live/live.js", opener].map((path) => import(address(path))),
    );
    const list = models.map((carried) => ({ ...carried, address: at(carried.folder) }));
    const carried = new live.Models(list, open);
    live.prepare(carried);
    return { attach: live.attach, models: carried };
  }

  /** The address of each module's blob, the modules that it imports made before it. */
  async function blobs() {
    await new Promise((resolve, reject) => {
      const files = document.createElement("script");
      files.src = at(`${folder}/files.js`);
      files.onload = resolve;
      files.onerror = () => reject(new Error("the engine's script did not load"));
      document.head.append(files);
    });
    const made = new Map();
    const address = (path) => {
      if (!made.has(path)) {
        const source = window.llmlabFiles[path].replace(
          /(\bfrom )"(\.[^"]+)"/gu,
          (_, from, to) => `${from}"${address(new URL(to, `http://_/${path}`).pathname.slice(1))}"`,
        );
        const blob = new Blob([source], { type: "text/javascript" });
        made.set(path, URL.createObjectURL(blob));
      }
      return made.get(path);
    };
    return address;
  }

  window.llmlabWake = async (view) => {
    const { attach, models: carried } = await (loading ??= load());
    attach(view, carried);
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (document.querySelector(".llmlab-playground")) loading ??= load();
  });
})();
