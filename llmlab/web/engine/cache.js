/** Keys and values of the positions that a layer has read. */
export class LayerCache {
  /**
   * @param {number} positions at most
   * @param {number} width of a position's keys: its heads, one behind the other
   */
  constructor(positions, width) {
    this.width = width;
    this.keys = new Float32Array(positions * width);
    this.values = new Float32Array(positions * width);
  }

  /**
   * @param {number} start the first position written
   * @param {Float32Array} keys (n, width)
   * @param {Float32Array} values (n, width)
   * @param {number} n
   */
  write(start, keys, values, n) {
    this.keys.set(keys.subarray(0, n * this.width), start * this.width);
    this.values.set(values.subarray(0, n * this.width), start * this.width);
  }
}
