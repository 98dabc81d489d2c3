// What a ContextView shows: the numbers of the chosen token, and words for them.

function contextRecord(model) {
  const [at, cosines, others, top, probabilities] = [
    "at",
    "cosines",
    "others",
    "top",
    "probabilities",
  ].map((name) => decodeArray(model.get(name)));
  const words = model.get("words");
  const [, , rows, k] = top.shape;
  const record = {
    rows,
    shared: model.get("shared"),
    sentences: model.get("sentences"),
    causal: model.get("causal"),
    get shown() {
      return model.get("shown");
    },
    get layer() {
      return model.get("layer");
    },
    get word() {
      return visible(record.shared[record.shown]);
    },
    place: (sentence) => at.at(record.shown, sentence),
    cosine: (layer) => cosines.at(record.shown, layer),
    others: (layer) => others.at(record.shown, layer),
    /** What the head reads in a sentence's vector after a number of layers, the leader first. */
    read: (sentence, layer) =>
      Array.from({ length: k }, (_, rank) => ({
        text: words[top.at(record.shown, sentence, layer, rank)],
        share: probabilities.at(record.shown, sentence, layer, rank),
      })),
    get words() {
      const { layer, word } = record;
      const leaders = [0, 1].map((sentence) => visible(record.read(sentence, layer)[0].text));
      const numbers = [record.cosine(layer), record.others(layer)].map((value) => number(value));
      return LABELS.said(word, layer, ...numbers, ...leaders);
    },
  };
  return record;
}
