/** Files made in the page. */

import { decodeArray } from "../views/common.js";

/** Hand a file to the reader. */
export function download(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000); // the browser has begun to read by then
}

/** Every attention weight of a trace, a line each. @param {object} trace of the schema */
export function traceCsv({ tokens, recorded }) {
  const weights = decodeArray(recorded.attention);
  const [layers, heads, queries, keys] = weights.shape;
  const first = tokens.length - queries; // the queries are the last tokens
  const lines = ["layer,head,query,query_token,key,key_token,weight"];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < queries; query++) {
        for (let key = 0; key < keys; key++) {
          const [from, to] = [tokens[first + query].text, tokens[key].text].map(quoted);
          const weight = weights.at(layer, head, query, key);
          lines.push(`${layer},${head},${first + query},${from},${key},${to},${weight}`);
        }
      }
    }
  }
  return `\ufeff${lines.join("\r\n")}\r\n`; // the mark lets spreadsheets read Chinese
}

/** A cell of text (RFC 4180), and never one that a spreadsheet would take for a formula. */
function quoted(text) {
  const safe = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
