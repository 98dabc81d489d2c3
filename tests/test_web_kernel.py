"""kernel.wasm is what kernel.c says, byte for byte, and multiplies as the plain kernel does."""

import pytest

from llmlab.web.build_kernel import KERNEL, build
from tests.conftest import serve

# The largest difference of the two kernels' products, for every number of vectors up to `most`,
# in shares of the largest product.
COMPARE = """async ({ width, hasMinimums, most }) => {
  const { Kernel, PlainKernel, makeKernel, reserveScratch } = await import("/engine/kernel.js");
  const { MemoryPlan, open } = await import("/engine/memory.js");
  const [rows, columns] = [5, 4 * width];
  const plan = new MemoryPlan();
  const places = {
    weights: plan.reserve(Int8Array, rows * columns),
    scales: plan.reserve(Float32Array, 4 * rows),
    minimums: plan.reserve(Float32Array, 4 * rows),
    x: plan.reserve(Float32Array, most * columns),
    y: plan.reserve(Float32Array, most * rows),
  };
  const scratch = reserveScratch(plan, most * columns);
  const memory = plan.allocate();
  const opened = Object.entries(places).map(([name, place]) => [name, open(memory, place)]);
  const { x, y, ...matrix } = Object.fromEntries(opened);
  matrix.weights.forEach((_, i, all) => (all[i] = (i * 89) % 255 - 127));
  matrix.scales.forEach((_, i, all) => (all[i] = 0.01 + 0.003 * ((i * 5) % 7)));
  matrix.minimums.forEach((_, i, all) => (all[i] = 0.02 * ((i * 3) % 5)));
  if (!hasMinimums) delete matrix.minimums;
  Object.assign(matrix, { rows, columns, width });
  x.forEach((_, i, all) => (all[i] = Math.sin(i * i)));
  const wasm = await (await fetch("/kernel.wasm")).arrayBuffer();
  const kernel = await makeKernel(wasm, memory, scratch);
  if (!(kernel instanceof Kernel)) throw new Error("the kernel was not compiled");
  const off = [];
  for (let n = 1; n <= most; n++) {
    new PlainKernel().multiply(matrix, x, y, n);
    const expected = y.slice(0, n * rows);
    y.fill(NaN);
    kernel.multiply(matrix, x, y, n);
    const largest = Math.max(...expected.map(Math.abs));
    off.push(Math.max(...expected.map((value, i) => Math.abs(value - y[i]))) / largest);
    if (y.subarray(n * rows).some((value) => !Number.isNaN(value))) off.push("written too far");
  }
  return off;
}"""

# For sums over n numbers from 0 down to -lowest: by how much of itself the kernel's is off.
SUMS = """async (cases) => {
  const { makeKernel, reserveScratch } = await import("/engine/kernel.js");
  const { MemoryPlan, open } = await import("/engine/memory.js");
  const plan = new MemoryPlan();
  const place = plan.reserve(Float32Array, 30_000);
  const scratch = reserveScratch(plan, 64);
  const memory = plan.allocate();
  const wasm = await (await fetch("/kernel.wasm")).arrayBuffer();
  const kernel = await makeKernel(wasm, memory, scratch);
  return cases.map(([n, lowest, highest]) => {
    const values = open(memory, place).subarray(0, n);
    values.forEach((_, i) => (values[i] = highest - (n > 1 ? (lowest * i) / (n - 1) : 0)));
    const most = Math.max(...values);
    const exact = values.reduce((sum, value) => sum + Math.exp(value - most), 0);
    return Math.abs(kernel.sumExponentials(values, most) / exact - 1);
  });
}"""

# For gates from -lowest to lowest: the largest difference of the two kernels' activations, in shares
# of the larger of the number and 1.
ACTIVATE = """async ([activation, lowest]) => {
  const { PlainKernel, makeKernel, reserveScratch } = await import("/engine/kernel.js");
  const { MemoryPlan, open } = await import("/engine/memory.js");
  const plan = new MemoryPlan();
  const n = 4000;
  const [gatePlace, upPlace] = [plan.reserve(Float32Array, n), plan.reserve(Float32Array, n)];
  const scratch = reserveScratch(plan, 64);
  const memory = plan.allocate();
  const wasm = await (await fetch("/kernel.wasm")).arrayBuffer();
  const kernel = await makeKernel(wasm, memory, scratch);
  const [gate, up] = [open(memory, gatePlace), open(memory, upPlace)];
  const fill = () => gate.forEach((_, i) => (gate[i] = lowest * (2 * i / n - 1)));
  up.forEach((_, i) => (up[i] = Math.sin(i)));
  fill();
  new PlainKernel().activate(activation, gate, up, n);
  const expected = gate.slice();
  fill();
  kernel.activate(activation, gate, up, n - 4);
  const untouched = gate.subarray(n - 4).every((value, i) => value === Math.fround(
    lowest * (2 * (n - 4 + i) / n - 1)));
  const off = expected.subarray(0, n - 4).map(
    (value, i) => Math.abs(value - gate[i]) / Math.max(1, Math.abs(value)));
  return [Math.max(...off), untouched];
}"""


def test_the_compiler_makes_these_very_bytes(tmp_path):
    assert build(tmp_path / "kernel.wasm") == KERNEL.read_bytes()


@pytest.mark.parametrize("has_minimums", [False, True])
@pytest.mark.parametrize("width", [16, 32, 64])
def test_products_for_any_number_of_vectors(open_page, width, has_minimums):
    page = open_page()
    page.goto(serve(KERNEL.parent))
    off = page.evaluate(COMPARE, {"width": width, "hasMinimums": has_minimums, "most": 21})
    assert len(off) == 21
    assert all(share < 1e-4 for share in off)


def test_sums_of_exponentials(open_page):
    page = open_page()
    page.goto(serve(KERNEL.parent))
    sizes = (1, 2, 3, 5, 255, 256, 257, 1001, 6144, 21_500, 30_000)
    cases = [(n, lowest, 3.7) for n in sizes for lowest in (1e-3, 1, 20, 90, 2000)]
    off = page.evaluate(SUMS, cases)
    assert len(off) == len(cases)
    assert all(share < 1e-6 for share in off)


@pytest.mark.parametrize("activation", ["silu", "gelu_tanh"])
@pytest.mark.parametrize("lowest", [1e-4, 1, 8, 100, 1e6])
def test_activations(open_page, activation, lowest):
    page = open_page()
    page.goto(serve(KERNEL.parent))
    off, is_untouched = page.evaluate(ACTIVATE, [activation, lowest])
    assert off < 1e-6
    assert is_untouched
