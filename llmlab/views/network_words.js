// The names, the answer and the table of a NetworkView.

/** Names by layer, the inputs first. */
function namesOf(shape, { input_names, output_names }) {
  const last = shape.length - 1;
  return shape.map((count, layer) => {
    if (layer === 0) return input_names;
    if (layer === last) return count > 1 ? output_names : [LABELS.output];
    return Array.from({ length: count }, (_, i) => LABELS.hidden(layer, i, last === 2));
  });
}

function answerWords(outputs, names, place) {
  const answer = place < 0 ? LABELS.undecided : names[place];
  if (outputs.length === 1) return LABELS.single(digits(outputs[0]), ...names, answer);
  const list = outputs.map((value, i) => `${names[i]} ${digits(value)}`).join(", ");
  return LABELS.several(list, answer);
}

function numberTwin(layers, computed, names) {
  const rows = computed.flatMap((neurons, layer) =>
    neurons.map(({ inputs, products, sum, output }, place) => [
      names[layer + 1][place],
      element(
        "span",
        {},
        products.map((product, i) => {
          const weight = digits(layers[layer].weights[place][i]);
          return element(
            "span",
            { class: "llmlab-line-of" },
            `${names[layer][i]}: ${digits(inputs[i])} × ${weight} = ${digits(product)}`,
          );
        }),
      ),
      digits(layers[layer].biases[place]),
      digits(sum),
      layers[layer].activation,
      digits(output),
    ]),
  );
  const columns = LABELS.twinColumns;
  return scrollBox(LABELS.twin, dataTable({ caption: LABELS.twinCaption, columns, rows }));
}
