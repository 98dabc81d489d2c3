/** Principal components of a few vectors: the directions in which they differ most. */

const SWEEPS = 50; // far more than a matrix of some hundred rows needs

/**
 * Coordinates on the two widest axes. A component's sign has no meaning, so it is fixed: the
 * vector farthest out along it lies on the positive side.
 * @param {Float32Array[]} vectors
 * @returns {{points: Array<[number, number]>, variance: [number, number]}} and each axis's share
 */
export function principal(vectors) {
  const n = vectors.length;
  const d = vectors[0].length;
  const mean = new Float64Array(d);
  for (const vector of vectors) vector.forEach((value, i) => (mean[i] += value / n));
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]));
  const products = centred.map((a) => centred.map((b) => dot(a, b)));
  const total = products.reduce((sum, row, i) => sum + row[i], 0);
  const { values, columns } = eigen(products);
  const widest = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, 2);
  const axes = widest.map((i) => {
    const length = Math.sqrt(Math.max(values[i], 0));
    const axis = columns.map((row) => row[i] * length);
    const farthest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    return farthest < 0 ? axis.map((value) => -value) : axis;
  });
  return {
    points: centred.map((_, i) => [axes[0][i], axes[1]?.[i] ?? 0]),
    variance: [0, 1].map((i) => (total > 0 ? Math.max(values[widest[i]] ?? 0, 0) / total : 0)),
  };
}

/** The vector with length one; one of zeros, which has no direction, stays so. */
export function unit(vector) {
  const length = Math.max(Math.sqrt(dot(vector, vector)), 1e-12);
  return vector.map((value) => value / length);
}

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan,
 * Matrix Computations, section 8.5).
 * @param {number[][]} matrix
 * @returns {{values: number[], columns: number[][]}} eigenvector i is column i
 */
function eigen(matrix) {
  const a = matrix.map((row) => Float64Array.from(row));
  const n = a.length;
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const size = a.reduce((sum, row) => sum + dot(row, row), 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = 0; q < p; q++) off += a[p][q] ** 2;
    if (off <= 1e-24 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  return { values: a.map((row, i) => row[i]), columns: v };
}

/** One rotation, after which a[p][q] is zero. */
function rotate(a, v, p, q) {
  if (a[p][q] === 0) return;
  const tau = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = t * c;
  const turn = (row, i, j) => {
    const [x, y] = [row[i], row[j]];
    row[i] = c * x - s * y;
    row[j] = s * x + c * y;
  };
  for (const row of a) turn(row, p, q);
  for (let k = 0; k < a.length; k++) {
    const [x, y] = [a[p][k], a[q][k]];
    a[p][k] = c * x - s * y;
    a[q][k] = s * x + c * y;
  }
  for (const row of v) turn(row, p, q);
}
