/** Rotary positions. Source: Su et al. (2021), section 3.2.2; pairs are (i, i + d_head / 2). */

/**
 * Cosines and sines of the angles of all positions.
 * @param {number} positions
 * @param {number} dHead
 * @param {number} theta
 * @returns {{cosine: Float32Array, sine: Float32Array}} (positions, dHead / 2) each
 */
export function rotary(positions, dHead, theta) {
  const half = dHead / 2;
  const cosine = new Float32Array(positions * half);
  const sine = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    // In float32, as PyTorch has it: the angles of far positions depend on the last digits.
    const frequency = Math.fround(Math.pow(theta, (-2 * i) / dHead));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      cosine[position * half + i] = Math.cos(angle);
      sine[position * half + i] = Math.sin(angle);
    }
  }
  return { cosine, sine };
}

/**
 * Turns each head of each vector by the angles of its position, in place.
 * @param {Float32Array} x (rows, heads, dHead)
 * @param {number} rows
 * @param {number} heads
 * @param {number} dHead
 * @param {{cosine: Float32Array, sine: Float32Array}} angles
 * @param {number} start the position of the first row
 */
export function rotate(x, rows, heads, dHead, { cosine, sine }, start) {
  const half = dHead / 2;
  for (let row = 0; row < rows; row++) {
    const angle = (start + row) * half;
    for (let head = 0; head < heads; head++) {
      const first = (row * heads + head) * dHead;
      for (let i = 0; i < half; i++) {
        const a = x[first + i];
        const b = x[first + half + i];
        const c = cosine[angle + i];
        const s = sine[angle + i];
        x[first + i] = a * c - b * s;
        x[first + half + i] = b * c + a * s;
      }
    }
  }
}
