// What an AttentionView shows: the record, the reader’s choice, and words for both.

/** What every part of the view reads: the record, the reader's choice, and words for positions. */
function attentionRecord(model) {
  const weights = decodeArray(model.get("weights"));
  const scores = model.get("scores") ? decodeArray(model.get("scores")) : null;
  const [layers, heads, length, nKeys] = weights.shape;
  const textsOf = (tokens) => tokens.map((token) => visible(token.text));
  const source = model.get("source") ?? null; // what cross-attention looks at
  const texts = textsOf(model.get("tokens"));
  const keyTexts = source ? textsOf(source) : texts;
  const record = {
    layers,
    heads,
    length, // how many queries
    nKeys,
    texts, // of the queries
    keyTexts,
    isCross: source !== null,
    hasSteps: (model.get("kind") ?? "self") === "self", // scores are recorded of these alone
    scale: model.get("scale"),
    hasBos: model.get("has_bos") && length > 1,
    get layer() {
      return model.get("layer");
    },
    get head() {
      return model.get("head");
    },
    /** The chosen query; a hidden row cannot be it. */
    get query() {
      return Math.max(model.get("query"), record.start);
    },
    /** The first position that is shown: 1 when the beginning token is hidden. */
    get start() {
      return record.hasBos && model.get("hide_bos") ? 1 : 0;
    },
    weight: (query, key, layer = record.layer, head = record.head) =>
      weights.at(layer, head, query, key),
    score: scores && ((query, key) => scores.at(record.layer, record.head, query, key)),
    /** Why a query cannot look at a key: "later", "window", or null where it can. */
    masked: (query, key, layer = record.layer) => {
      if (model.get("causal") && key > query) return "later";
      const reach = model.get("windows")[layer];
      return reach !== null && Math.abs(query - key) >= reach ? "window" : null;
    },
    /** A query's text; with its position where the same text stands twice. */
    name: (position) => unmistakable(texts, position),
    /** The same of a key. */
    keyName: (position) => unmistakable(keyTexts, position),
    /** What a cell of the map says. */
    words: (query, key) => {
      const [from, to] = [record.name(query), record.keyName(key)];
      const reason = record.masked(query, key);
      if (reason === "later") return LABELS.laterWords(from, to);
      if (reason) return LABELS.windowWords(from, to, model.get("windows")[record.layer]);
      const weight = record.weight(query, key);
      return LABELS.looks(from, to, percent(weight), weight.toFixed(4));
    },
    /** The shown keys of a query, strongest first. */
    strongest: (query) => {
      const keys = [...keyTexts.keys()]
        .slice(record.start)
        .filter((key) => !record.masked(query, key));
      return keys.sort((a, b) => record.weight(query, b) - record.weight(query, a));
    },
  };
  return record;
}

function unmistakable(texts, position) {
  const text = texts[position];
  return texts.indexOf(text) === texts.lastIndexOf(text) ? text : `${text} (${position})`;
}
