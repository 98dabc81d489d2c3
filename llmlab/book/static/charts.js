// Draws plotly charts with one local copy of plotly, loaded when the first chart comes near the
// screen. Each is <div class="llmlab-chart"> with its figure in a JSON script.
(() => {
  const address = new URL("plotly.min.js", document.currentScript.src).href;
  let loading;

  function loadPlotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("plotly did not load"));
      document.head.append(script);
    });
    return loading;
  }

  /** The colours of the page, for what a figure leaves to its template. */
  function pageColours() {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--pst-color-text-base").trim() || "#222";
    const line = style.getPropertyValue("--pst-color-border").trim() || "#ccc";
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: text },
      xaxis: axis,
      yaxis: axis,
    };
  }

  /** A layout whose template has the page's colours; what the figure itself sets stays. */
  function themed(layout) {
    const template = structuredClone(layout.template ?? {});
    const ours = pageColours();
    const old = template.layout ?? {};
    template.layout = {
      ...old,
      ...ours,
      font: { ...old.font, ...ours.font },
      xaxis: { ...old.xaxis, ...ours.xaxis },
      yaxis: { ...old.yaxis, ...ours.yaxis },
    };
    return { ...layout, template };
  }

  async function draw(box) {
    const figure = JSON.parse(box.querySelector("script").textContent);
    const plotly = await loadPlotly();
    const layout = figure.layout ?? {};
    const config = { responsive: true, displaylogo: false, ...figure.config };
    const el = document.createElement("div");
    box.replaceChildren(el);
    await plotly.newPlot(el, figure.data, themed(layout), config);
    new MutationObserver(() => plotly.react(el, figure.data, themed(layout), config)).observe(
      document.documentElement,
      { attributeFilter: ["data-theme"] },
    );
    box.dataset.ready = "true";
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
    for (const box of document.querySelectorAll(".llmlab-chart")) near.observe(box);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
