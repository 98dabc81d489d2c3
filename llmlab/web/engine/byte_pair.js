/**
 * Byte-pair encoding: neighbours are joined, the earliest learned merge first, from the left.
 * Source: Sennrich et al. (2016).
 */

import { Heap } from "./heap.js";

/**
 * Candidates wait in a heap, so n symbols take n log n steps.
 *
 * @template S
 * @param {S[]} symbols of one pre-token
 * @param {(left: S, right: S) => ({rank: number, order?: number, symbol: S} | undefined)} merged
 *     what two symbols make; of equal ranks the lowest order comes first, then the leftmost
 * @returns {S[]}
 */
export function merge(symbols, merged) {
  const n = symbols.length;
  const parts = [...symbols];
  const following = Array.from(parts, (_, i) => i + 1);
  const previous = Array.from(parts, (_, i) => i - 1);
  const heap = new Heap();
  const offer = (left) => {
    const right = following[left];
    if (right === n) return;
    const found = merged(parts[left], parts[right]);
    if (found) heap.push([found.rank, found.order ?? 0, left, right, following[right]]);
  };
  for (let i = 0; i < n; i++) offer(i);
  while (heap.size > 0) {
    const [, , left, right, end] = heap.pop();
    // One of the two may have been merged with another neighbour since.
    if (parts[left] === null || following[left] !== right || following[right] !== end) continue;
    parts[left] = merged(parts[left], parts[right]).symbol;
    parts[right] = null;
    following[left] = end;
    if (end < n) previous[end] = left;
    if (previous[left] >= 0) offer(previous[left]);
    offer(left);
  }
  return parts.filter((part) => part !== null);
}
