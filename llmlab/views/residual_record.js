// What a ResidualView shows: the readouts, the reader’s choice, and words for both.

/** What every part of the view reads: the record, the reader's choice, and words for cells. */
function residualRecord(model) {
  const ids = decodeArray(model.get("word_ids"));
  const words = model.get("words").map((text, i) => ({ id: ids.at(i), text: visible(text) }));
  const texts = model.get("tokens").map((token) => visible(token.text));
  const top = decodeArray(model.get("top"));
  const probabilities = decodeArray(model.get("probabilities"));
  const shares = decodeArray(model.get("target_probabilities"));
  const logits = decodeArray(model.get("target_logits"));
  const added = model.get("contributions") ? decodeArray(model.get("contributions")) : null;
  const [rows, positions, k] = probabilities.shape;
  const targets = decodeArray(model.get("targets")).data;
  const counts = model.get("target_counts");
  const firstOf = counts.map((_, position) => counts.slice(0, position).reduce((a, b) => a + b, 0));
  const record = {
    rows,
    positions,
    texts,
    missing: model.get("missing"),
    get layer() {
      return model.get("layer");
    },
    get position() {
      return model.get("position");
    },
    /** A cell's table, the most probable token first. */
    table: (layer, position) =>
      Array.from({ length: k }, (_, rank) => ({
        ...words[top.at(layer, position, rank)],
        share: probabilities.at(layer, position, rank),
      })),
    leader: (layer, position) => record.table(layer, position)[0],
    /** The tokens that can be followed at the chosen position; the final winner is the first. */
    get targets() {
      const first = firstOf[record.position];
      const here = targets.slice(first, first + counts[record.position]);
      return Array.from(here, (word) => words[word]);
    },
    /** The followed token's place among them: the winner where another was chosen elsewhere. */
    get place() {
      return Math.max(
        record.targets.findIndex(({ id }) => id === model.get("target")),
        0,
      );
    },
    get target() {
      return record.targets[record.place].text;
    },
    get pair() {
      return firstOf[record.position] + record.place;
    },
    /** The followed token's probability after a number of layers. */
    share: (layer) => shares.at(record.pair, layer),
    /** The probability at the end of one of the tokens that can be followed. */
    finalShare: (place) => shares.at(firstOf[record.position] + place, rows - 1),
    get logit() {
      return logits.at(record.pair);
    },
    hasParts: added !== null,
    /** What was added to its final logit on the way to a row: of row 0, the embedding's part. */
    attention: (layer) => added.at(record.pair, 2 * layer - 1),
    feedforward: (layer) => added.at(record.pair, 2 * layer),
    get embedding() {
      return added.at(record.pair, 0);
    },
    get biases() {
      return added.at(record.pair, 2 * rows - 1);
    },
    /** What all layers' attention, or feed-forward, adds together. */
    total: (part) => {
      let sum = 0;
      for (let layer = 1; layer < rows; layer++) sum += record[part](layer);
      return sum;
    },
    /** A read token; with its position where the same text stands twice. */
    name: (position) => {
      const text = texts[position];
      return texts.indexOf(text) === texts.lastIndexOf(text) ? text : `${text} (${position})`;
    },
    /** What a cell of the grid says. */
    words: (layer, position) => {
      const { text, share } = record.leader(layer, position);
      return LABELS.cell(layer, record.name(position), text, percent(share));
    },
  };
  return record;
}
