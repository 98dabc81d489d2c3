/** Models from a file server: fetched in parts, and run in a worker. */

import { Engine } from "../engine/engine.js";

/** @param {import("./models.js").Carried} carried */
export function open({ address }) {
  return new Engine(address);
}
