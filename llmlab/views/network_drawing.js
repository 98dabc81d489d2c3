// The drawing of a NetworkView: a circle for each neuron, a line for each weight.

const DRAWN = { widest: 760, row: 76, radius: 25, small: 20, narrow: 480, crowded: 84 }; // pixels

/**
 * @param {{shape: number[], choose: (layer: number, place: number) => void,
 *   drag: (target: object) => object}} options `drag` returns the listeners of a dragged number:
 *   {input: place} or {layer, place, source}
 */
function networkDrawing({ shape, choose, drag }) {
  const svg = drawing("svg", {
    class: "llmlab-net",
    role: "radiogroup",
    "aria-label": LABELS.neurons,
  });
  const lines = drawing("g", { "aria-hidden": "true" });
  const handles = drawing("g", { "aria-hidden": "true" });
  const weights = [];
  shape.slice(1).forEach((count, layer) => {
    for (let place = 0; place < count; place++) {
      for (let source = 0; source < shape[layer]; source++) {
        const line = drawing("line", {});
        const handle = drawing("text", { class: "llmlab-weight" });
        dragSideways(handle, drag({ layer, place, source }));
        lines.append(line);
        handles.append(handle);
        weights.push({ layer, place, source, line, handle });
      }
    }
  });
  const neurons = shape.flatMap((count, layer) =>
    Array.from({ length: count }, (_, place) => {
      const parts = {
        circle: drawing("circle", {}),
        value: drawing("text", { class: "llmlab-inside" }),
        name: drawing("text", { class: "llmlab-name" }),
      };
      const node = drawing(
        "g",
        {
          role: "radio",
          class: layer ? "llmlab-neuron" : "llmlab-neuron llmlab-input",
          click: () => choose(layer, place),
        },
        ...Object.values(parts),
      );
      if (layer === 0) dragSideways(node, drag({ input: place }));
      return { layer, place, node, ...parts };
    }),
  );
  svg.append(lines, ...neurons.map((neuron) => neuron.node), handles);
  const find = (layer, place) => neurons.find((n) => n.layer === layer && n.place === place);
  svg.addEventListener("keydown", (event) => {
    const at = neurons.find((neuron) => neuron.node.contains(event.target));
    const next = at && nextNeuron(shape, at, event);
    if (!next) return;
    event.preventDefault();
    choose(...next);
    find(...next).node.focus();
  });

  let isNarrow = false;
  let isCrowded = false; // too little room between columns for whole names
  /** Puts everything in its place for a width. */
  function fit(width) {
    const size = Math.min(width, DRAWN.widest);
    isNarrow = size < DRAWN.narrow;
    const radius = isNarrow ? DRAWN.small : DRAWN.radius;
    const height = DRAWN.row * Math.max(...shape) + 16;
    const margin = radius + 22;
    const across = (size - 2 * margin) / (shape.length - 1);
    isCrowded = across < DRAWN.crowded;
    const at = (layer, place) => ({
      x: margin + layer * across,
      y: height / 2 - 8 + DRAWN.row * (place - (shape[layer] - 1) / 2),
    });
    svg.classList.toggle("llmlab-narrow", isNarrow);
    furnish(svg, { viewBox: `0 0 ${size} ${height}`, width: size, height }, []);
    for (const { layer, place, source, line, handle } of weights) {
      const [start, end] = [at(layer, source), at(layer + 1, place)];
      furnish(line, { x1: start.x, y1: start.y, x2: end.x, y2: end.y }, []);
      const along = 0.42;
      const x = start.x + along * (end.x - start.x);
      furnish(handle, { x, y: start.y + along * (end.y - start.y) + 4 }, []);
    }
    for (const { layer, place, circle, value, name } of neurons) {
      const { x, y } = at(layer, place);
      furnish(circle, { cx: x, cy: y, r: radius }, []);
      furnish(value, { x, y: y + 4 }, []);
      furnish(name, { x, y: y + radius + 14 }, []);
    }
  }

  /** Writes the numbers: `names` and `values` by layer, the inputs first. */
  function show({ layers, values, names, chosen, words }) {
    for (const { layer, place, source, line, handle } of weights) {
      const rows = layers[layer].weights;
      const weight = rows[place][source];
      const largest = Math.max(...rows.flat().map(Math.abs)) || 1;
      const isInto = chosen[0] === layer + 1 && chosen[1] === place;
      const isFrom = chosen[0] === layer && chosen[1] === source;
      line.setAttribute(
        "class",
        `llmlab-line ${weight < 0 ? "llmlab-negative" : ""} ${isInto || isFrom ? "llmlab-on" : ""}`,
      );
      line.style.setProperty("stroke-width", `${0.6 + (4 * Math.abs(weight)) / largest}px`);
      handle.textContent = shortDigits(weight, isNarrow ? 2 : 3);
      handle.style.setProperty("display", isInto ? "" : "none");
    }
    for (const { layer, place, node, value, name } of neurons) {
      const isChosen = chosen[0] === layer && chosen[1] === place;
      value.textContent = shortDigits(values[layer][place], isNarrow ? 2 : 3);
      const isHidden = layer > 0 && layer < shape.length - 1;
      const whole = isCrowded && isHidden ? LABELS.hiddenShort(layer, place) : names[layer][place];
      name.textContent = shortened(whole, isCrowded ? 8 : 12);
      node.setAttribute("aria-label", words(layer, place));
      node.setAttribute("aria-checked", isChosen);
      node.setAttribute("tabindex", isChosen ? 0 : -1);
    }
  }
  return { svg, fit, show };
}

function shortened(text, longest) {
  const letters = [...text];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : text;
}

/** Up and down within a layer, left and right to the nearest neuron of the next. */
function nextNeuron(shape, { layer, place }, { key, altKey, ctrlKey, metaKey }) {
  if (altKey || ctrlKey || metaKey) return null;
  const to = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
  if (key === "Home") return [layer, 0];
  if (key === "End") return [layer, shape[layer] - 1];
  if (!to) return null;
  const column = Math.min(Math.max(layer + to[0], 0), shape.length - 1);
  const nearest = place - (shape[layer] - 1) / 2 + (shape[column] - 1) / 2;
  // Halfway between two, up on the way right and down on the way left: there and back is the same.
  const row =
    column === layer ? place + to[1] : to[0] > 0 ? Math.ceil(nearest - 0.5) : Math.round(nearest);
  return [column, Math.min(Math.max(row, 0), shape[column] - 1)];
}
