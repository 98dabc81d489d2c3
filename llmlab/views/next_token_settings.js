// The sliders of a NextTokenView.

/** The three sliders and the way back to what was recorded. */
function settingsPanel(changed) {
  let used;
  let recorded;
  let offK = 51; // the place on the slider where top-k is off
  const set = (change) => changed({ ...used, ...change });
  const temperature = slider(
    LABELS.temperature,
    { min: 0.1, max: 2, step: "any", value: 1, format: (value) => number(value, 2) },
    (value) => set({ temperature: snap(value) }),
  );
  const topK = slider(
    LABELS.topK,
    {
      min: 1,
      max: offK,
      step: 1,
      value: offK,
      format: (k) => (k < offK ? String(k) : LABELS.off),
    },
    (value) => set({ topK: value < offK ? value : null }),
  );
  const topP = slider(
    LABELS.topP,
    {
      min: 0.05,
      max: 1,
      step: "any",
      value: 1,
      format: (p) => (p < 1 ? number(p, 2) : LABELS.off),
    },
    (value) => set({ topP: snap(value) < 1 ? snap(value) : null }),
  );
  // A recorded setting need not lie on a slider's grid, so the grid is only for the keys.
  for (const { input } of [temperature, topP]) {
    input.addEventListener("keydown", (event) => {
      const steps = SLIDER_KEYS[event.key];
      if (!steps) return;
      event.preventDefault();
      input.value = Math.min(
        Math.max(snap(Number(input.value) + steps / 100), input.min),
        input.max,
      );
      input.dispatchEvent(new Event("input"));
    });
  }
  const back = element(
    "button",
    { type: "button", click: () => changed({ ...recorded }) },
    LABELS.back,
  );
  const legend = element("legend", {}, LABELS.settings);
  const box = element(
    "fieldset",
    { class: "llmlab-settings" },
    legend,
    temperature.box,
    topK.box,
    topP.box,
    back,
  );
  return {
    box,
    set(next, step) {
      used = next;
      recorded = step.settings;
      temperature.input.min = Math.min(0.1, recorded.temperature);
      temperature.input.max = Math.max(2, recorded.temperature);
      topK.input.max = offK = Math.max(50, recorded.topK ?? 0) + 1;
      topP.input.min = Math.min(0.05, recorded.topP ?? 1);
      temperature.set(next.temperature);
      topK.set(next.topK ?? offK);
      topP.set(next.topP ?? 1);
      back.disabled = same(next, recorded);
    },
  };
}

const snap = (value) => Math.round(value * 100) / 100;
