/**
 * One block of memory for a model's weights, its cache and its scratch space.
 *
 * A WebAssembly memory that grows moves, and every view of it goes blind. So all places are
 * reserved first, then the memory is made once, and then the places are opened.
 */

const PAGE = 65536;
const ALIGNMENT = 16; // bytes of a SIMD vector
const FIRST = 2048; // below it the kernel keeps its stack

/** @typedef {{Type: Function, start: number, length: number}} Place */

export class MemoryPlan {
  constructor() {
    this.bytes = FIRST;
  }

  /**
   * @template T
   * @param {new (buffer: ArrayBuffer, start: number, length: number) => T} Type a typed array
   * @param {number} length in elements
   * @returns {Place}
   */
  reserve(Type, length) {
    const start = this.bytes;
    const bytes = length * Type.BYTES_PER_ELEMENT;
    this.bytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return { Type, start, length };
  }

  /**
   * @returns {WebAssembly.Memory}
   * @throws {Error} where the browser refuses so much memory
   */
  allocate() {
    const pages = Math.ceil(this.bytes / PAGE);
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch {
      const megabytes = Math.round(this.bytes / 1e6);
      throw new Error(`The browser refused the ${megabytes} MB of memory that this model needs.`);
    }
  }
}

/**
 * The typed array at a reserved place.
 * @param {WebAssembly.Memory} memory
 * @param {Place} place
 */
export function open(memory, { Type, start, length }) {
  return new Type(memory.buffer, start, length);
}
