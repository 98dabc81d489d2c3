/**
 * The k best of a long row, kept in order while the row is read.
 *
 *     const best = new Highest(3);
 *     values.forEach((value, i) => best.offer(value, i));
 *     best.items;   // of the highest values, falling; of equals the first
 */
export class Highest {
  /** @param {number} k */
  constructor(k) {
    this.k = k;
    this.items = [];
    this.values = [];
    this.least = -Infinity; // what a value must exceed to be kept
  }

  offer(value, item) {
    const { k, items, values } = this;
    if (!(value > this.least) && values.length === k) return;
    let at = values.length;
    while (at > 0 && values[at - 1] < value) at--;
    values.splice(at, 0, value);
    items.splice(at, 0, item);
    if (values.length > k) {
      values.pop();
      items.pop();
    }
    if (values.length === k) this.least = values[k - 1];
  }
}
