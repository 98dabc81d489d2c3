/**
 * A model's longest loops: in WebAssembly, or in plain JavaScript where the browser has no SIMD.
 * Both read the same memory and give the same numbers to rounding.
 *
 * @typedef {object} Matrix
 * @property {number} rows
 * @property {number} columns
 * @property {number} width weights in a block of a row
 * @property {Int8Array} weights (rows, columns)
 * @property {Float32Array} scales (rows, columns / width)
 * @property {Float32Array} [minimums] (rows, columns / width); a weight is scale · integer - minimum
 */

/** What the products need beside their matrices: reserved once, for the longest vectors. */
export function reserveScratch(plan, entries) {
  const blocks = Math.ceil(entries / 16);
  return {
    integers: plan.reserve(Int16Array, entries),
    scales: plan.reserve(Float32Array, blocks),
    sums: plan.reserve(Float32Array, blocks),
  };
}

/** The compiled kernel. */
export class Kernel {
  /**
   * @param {WebAssembly.Module} module kernel.wasm, compiled
   * @param {WebAssembly.Exports} functions of an instance of it
   * @param {ReturnType<typeof reserveScratch>} scratch
   */
  constructor(module, functions, scratch) {
    this.module = module;
    this.functions = functions;
    this.scratch = scratch;
  }

  /**
   * y = x · matrixᵀ for n vectors.
   * @param {Matrix} matrix
   * @param {Float32Array} x (n, columns), in the kernel's memory
   * @param {Float32Array} y (n, rows), in the kernel's memory
   * @param {number} n
   */
  multiply(matrix, x, y, n) {
    const { rows, columns, width, weights, scales, minimums } = matrix;
    const { integers, scales: xScales, sums } = this.scratch;
    const to = y.byteOffset;
    this.functions.quantize(
      x.byteOffset, integers.start, xScales.start, sums.start, n * columns, width,
    );
    this.functions[`multiply_${width}`](
      weights.byteOffset, scales.byteOffset, integers.start, xScales.start, to, rows, columns, n,
    );
    if (minimums) {
      const blocks = columns / width;
      this.functions.subtract_minimums(minimums.byteOffset, sums.start, to, rows, blocks, n);
    }
  }

  /**
   * gate = activation(gate) · up, entry by entry.
   * @param {"silu" | "gelu_tanh"} activation
   * @param {Float32Array} gate in the kernel's memory
   * @param {Float32Array} up in the kernel's memory
   * @param {number} n entries, a multiple of four
   */
  activate(activation, gate, up, n) {
    this.functions[activation](gate.byteOffset, up.byteOffset, n);
  }

  /**
   * The sum of e^(value − highest).
   * @param {Float32Array} values in the kernel's memory
   * @param {number} highest of them
   */
  sumExponentials(values, highest) {
    return this.functions.sum_exponentials(values.byteOffset, highest, values.length);
  }
}

const GELU = Math.sqrt(2 / Math.PI);
const ACTIVATIONS = {
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x * x * x))),
};

/** The same in JavaScript. */
export class PlainKernel {
  /** See Kernel.multiply. */
  multiply(matrix, x, y, n) {
    const { rows, columns, width, weights, scales, minimums } = matrix;
    const blocks = columns / width;
    for (let t = 0; t < n; t++) {
      for (let row = 0; row < rows; row++) {
        let total = 0;
        for (let block = 0; block < blocks; block++) {
          const from = block * width;
          const w = row * columns + from;
          const v = t * columns + from;
          let product = 0;
          let sum = 0;
          for (let i = 0; i < width; i++) {
            product += weights[w + i] * x[v + i];
            sum += x[v + i];
          }
          total += product * scales[row * blocks + block];
          if (minimums) total -= sum * minimums[row * blocks + block];
        }
        y[t * rows + row] = total;
      }
    }
  }

  /** See Kernel.activate. */
  activate(activation, gate, up, n) {
    const activated = ACTIVATIONS[activation];
    for (let i = 0; i < n; i++) gate[i] = activated(gate[i]) * up[i];
  }

  /** See Kernel.sumExponentials. */
  sumExponentials(values, highest) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += Math.exp(values[i] - highest);
    return sum;
  }
}

/**
 * The compiled kernel, or the plain one where it cannot be compiled.
 * @param {BufferSource | WebAssembly.Module | null} code kernel.wasm; null: the plain one
 * @param {WebAssembly.Memory} memory
 * @param {ReturnType<typeof reserveScratch>} scratch
 * @returns {Promise<Kernel | PlainKernel>}
 */
export async function makeKernel(code, memory, scratch) {
  if (!code) return new PlainKernel();
  try {
    const module = code instanceof WebAssembly.Module ? code : await WebAssembly.compile(code);
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return new Kernel(module, exports, scratch);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return new PlainKernel(); // no SIMD
    throw error;
  }
}
