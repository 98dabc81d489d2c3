/** The models that a site carries. Each is opened once a page, when it is first asked. */

const ASKED_FOR = "llmlab-models"; // in the browser's storage: the large ones the reader wanted

/**
 * @typedef {object} Carried
 * @property {string} name
 * @property {string} title as a reader knows it
 * @property {number} bytes to be fetched
 * @property {boolean} asks whether it is fetched only after the reader has asked for it
 * @property {string} address of its folder, relative to the page's scripts
 * @property {boolean} isTranslator an encoder and a decoder
 * @property {string | null} terms of its weights
 */

export class Models {
  /**
   * @param {Carried[]} list
   * @param {(carried: Carried) => object} open returns an engine: served.js or scripted.js
   */
  constructor(list, open) {
    this.list = list;
    this.open = open;
    this.engines = new Map();
  }

  find(name) {
    return this.list.find((carried) => carried.name === name);
  }

  /** The engine of a model, the same one for every view of the page. */
  engine(carried) {
    if (!this.engines.has(carried.name)) this.engines.set(carried.name, this.open(carried));
    return this.engines.get(carried.name);
  }

  mayLoad(carried) {
    return !carried.asks || wanted().includes(carried.name);
  }

  /** Remember, for all pages of the site, that the reader asked for a model. */
  allow(carried) {
    try {
      const names = new Set([...wanted(), carried.name]);
      localStorage.setItem(ASKED_FOR, JSON.stringify([...names]));
    } catch {
      forThisPage.add(carried.name); // no storage here: it holds until the page is left
    }
  }
}

const forThisPage = new Set();

function wanted() {
  try {
    const stored = JSON.parse(localStorage.getItem(ASKED_FOR) ?? "[]");
    return [...forThisPage, ...(Array.isArray(stored) ? stored : [])];
  } catch {
    return [...forThisPage];
  }
}
