// Draws the views of a page that has no kernel.
//
// Each is <div class="llmlab-view" data-esm="NAME"> that holds its state, in a JSON script, and its
// picture. When it comes near the screen its module is loaded, once a page, and drawn in the
// picture's place. `import` of a file is blocked on file://, so modules arrive as classic scripts
// (esm/NAME.js) that hand over their text, and the text is imported from a blob.
(() => {
  const folder = new URL(".", document.currentScript.src).href;
  const loading = new Map(); // module name -> promise of the module
  const arrived = new Map(); // module name -> what to call with its source

  /** The part of a widget's model that views use, with nothing behind it. */
  class StaticModel {
    /** @param {Record<string, unknown>} state */
    constructor(state) {
      this.state = { ...state, kernel: false };
      this.listeners = new Map();
    }

    get(name) {
      return this.state[name];
    }

    set(name, value) {
      if (typeof name === "object") {
        for (const [key, each] of Object.entries(name)) this.set(key, each);
        return;
      }
      if (this.state[name] === value) return;
      this.state[name] = value;
      this.emit(`change:${name}`, value);
      this.emit("change", value);
    }

    on(events, listener) {
      for (const event of events.split(" ")) {
        if (!this.listeners.has(event)) this.listeners.set(event, new Set());
        this.listeners.get(event).add(listener);
      }
    }

    off(events, listener) {
      if (!events) return this.listeners.clear();
      for (const event of events.split(" ")) {
        if (listener) this.listeners.get(event)?.delete(listener);
        else this.listeners.delete(event);
      }
    }

    emit(event, value) {
      for (const listener of [...(this.listeners.get(event) ?? [])]) listener(this, value);
    }

    save_changes() {} // no kernel to tell

    /** No kernel to ask; a view that runs in the page (wake.js) has someone who answers. */
    send(message) {
      this.answer?.(message);
    }
  }

  /** Called by esm/NAME.js. */
  window.llmlabRegister = (name, source) => {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    arrived.get(name)(import(address));
  };

  function loadModule(name, version) {
    if (!loading.has(name)) {
      loading.set(
        name,
        new Promise((resolve, reject) => {
          arrived.set(name, resolve);
          const script = document.createElement("script");
          script.src = `${folder}esm/${encodeURIComponent(name)}.js?v=${version ?? ""}`;
          script.onerror = () => reject(new Error(`the view's module ${name} did not load`));
          document.head.append(script);
        }),
      );
    }
    return loading.get(name);
  }

  /** Draws one view in the place of its picture. If anything fails the picture stays. */
  async function draw(box) {
    const state = JSON.parse(box.querySelector("script").textContent);
    const module = (await loadModule(box.dataset.esm, box.dataset.version)).default;
    const widget = typeof module === "function" ? await module() : module;
    const model = new StaticModel(state);
    let el = document.createElement("div");
    // In the page but unseen while it is drawn: a view may measure itself, and the picture goes
    // only once there is something to put in its place.
    el.style.cssText = "visibility: hidden; height: 0; overflow: hidden";
    box.append(el);
    let end;
    try {
      await widget.initialize?.({ model });
      end = await widget.render({ model, el });
    } catch (error) {
      el.remove();
      throw error;
    }
    el.removeAttribute("style");
    box.replaceChildren(el);
    box.dataset.ready = "true";

    /** Draws the view anew, of another run. */
    async function redraw(next) {
      end?.();
      Object.assign(model.state, next);
      const fresh = document.createElement("div");
      el.replaceWith(fresh);
      el = fresh;
      end = await widget.render({ model, el });
    }
    await window.llmlabWake?.({ box, name: box.dataset.esm, model, redraw });
  }

  function start() {
    const near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          near.unobserve(entry.target);
          draw(entry.target).catch((error) => {
            entry.target.dataset.error = String(error);
            console.error(error);
          });
        }
      },
      { rootMargin: "400px" },
    );
    for (const box of document.querySelectorAll(".llmlab-view")) near.observe(box);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
