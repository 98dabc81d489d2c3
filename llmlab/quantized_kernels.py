"""Products with a block-quantised matrix on a CPU, compiled by Numba when first called.

A block's scale is the same for all its weights, so it multiplies the block's sum and not each
weight: Σ (scale · q − minimum) · x = scale · Σ q · x − minimum · Σ x.
"""

from __future__ import annotations

import threading

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy import ndarray

LANES = 8  # float32 numbers in one register of AVX2; elsewhere LLVM divides or joins them
WIDTHS = (64, 32, 16)  # of the blocks that there are products for, each with code of its own
LINE = 64  # bytes that memory is read in
FEW_WEIGHTS = 2**16  # fewer are multiplied sooner than a second thread has woken up
AHEAD = 2048  # bytes from the weights at work to those asked for, before they are needed

FLOAT, BYTE, INDEX = ir.FloatType(), ir.IntType(8), ir.IntType(64)
FLOATS, BYTES = ir.VectorType(FLOAT, LANES), ir.VectorType(BYTE, LANES)
ONE_AT_A_TIME = threading.Lock()  # where OpenMP is missing, Numba's own threads need it
ANY_ORDER = ("reassoc", "contract", "nsz")  # of the sums; infinities and NaN keep their meaning


def _dots(n_vectors: int):
    """A function that writes Σ over blocks of scale · Σ q · x for so many vectors and one row.

    Written in LLVM's own instructions: each weight is turned into a float once for all of the
    vectors, and registers of partial sums are kept through the whole row. From loops LLVM itself
    makes code that adds up a register's numbers after every block, which takes a fifth more time.
    A processor that guesses alone what will be read next stops at the end of every page of
    memory; told so far ahead, it reads a large matrix a third faster.
    """

    @intrinsic
    def dots(typing, x, vector, quants, scales, row, out):
        signature = types.void(x, types.intp, quants, scales, types.intp, out)
        return signature, generate

    def generate(context, builder, signature, arguments):
        x, quants, scales, out = (
            context.make_array(signature.args[i])(context, builder, arguments[i])
            for i in (0, 2, 3, 5)
        )
        vector, row = arguments[1], arguments[4]
        address = BYTE.as_pointer()
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [address] + [ir.IntType(32)] * 3),
            "llvm.prefetch.p0",
        )
        _, n_blocks, given_width = cgutils.unpack_tuple(builder, quants.shape)
        n_weights = builder.mul(n_blocks, given_width)
        vectors = [builder.add(vector, INDEX(i)) for i in range(n_vectors)]
        first_x = [builder.gep(x.data, [builder.mul(at, n_weights)]) for at in vectors]
        first_q = builder.gep(quants.data, [builder.mul(row, n_weights)])
        first_scale = builder.gep(scales.data, [builder.mul(row, n_blocks)])

        def load(first, at, kind):
            return builder.load(builder.bitcast(builder.gep(first, [at]), kind.as_pointer()), align=1)

        def multiply_add(a, b, to):
            return builder.fadd(to, builder.fmul(a, b, ANY_ORDER), ANY_ORDER)

        nothing = ir.Constant(FLOATS, [0.0] * LANES)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        totals = [cgutils.alloca_once_value(builder, nothing) for _ in vectors]
        for total in totals:
            builder.store(nothing, total)

        def add_block(block, width: int) -> None:
            start = builder.mul(block, INDEX(width))
            partials = [nothing] * n_vectors
            for i in range(0, width, LANES):
                at = builder.add(start, INDEX(i))
                if i % LINE == 0:
                    ahead = builder.gep(first_q, [builder.add(at, INDEX(AHEAD))])
                    builder.call(prefetch, [ahead, *map(ir.IntType(32), (0, 3, 1))])
                weights = builder.sitofp(load(first_q, at, BYTES), FLOATS)
                partials = [
                    multiply_add(weights, load(first, at, FLOATS), partial)
                    for partial, first in zip(partials, first_x, strict=True)
                ]
            scale = builder.load(builder.gep(first_scale, [block]))
            scale = builder.insert_element(nothing, scale, INDEX(0))
            scale = builder.shuffle_vector(scale, nothing, everywhere)
            for total, partial in zip(totals, partials, strict=True):
                builder.store(multiply_add(scale, partial, builder.load(total)), total)

        for width in WIDTHS:
            with builder.if_then(builder.icmp_signed("==", given_width, INDEX(width))):
                with cgutils.for_range(builder, n_blocks) as loop:
                    add_block(loop.index, width)
        add_up = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(FLOAT, [FLOAT, FLOATS]),
            f"llvm.vector.reduce.fadd.v{LANES}f32",
        )
        n_rows = cgutils.unpack_tuple(builder, out.shape)[1]
        for at, total in zip(vectors, totals, strict=True):
            found = builder.call(add_up, [FLOAT(0.0), builder.load(total)], fastmath=ANY_ORDER)
            place = builder.add(builder.mul(at, n_rows), row)
            builder.store(found, builder.gep(out.data, [place]))
        return context.get_dummy_value()

    return dots


_dot, _dots_of_four = _dots(1), _dots(4)


@njit(fastmath=set(ANY_ORDER), cache=True)
def multiply_rows(x, quants, scales, minimums, start, stop, out):
    fours = len(x) // 4 * 4
    for row in range(start, stop):
        for vector in range(0, fours, 4):
            _dots_of_four(x, vector, quants, scales, row, out)
        for vector in range(fours, len(x)):
            _dot(x, vector, quants, scales, row, out)
    if minimums.size == 0:
        return
    sums = np.empty(x.shape[1], np.float32)
    for vector in range(len(x)):
        for block in range(len(sums)):
            sums[block] = x[vector, block].sum()
        for row in range(start, stop):
            total = np.float32(0)
            for block in range(len(sums)):
                total += minimums[row, block] * sums[block]
            out[vector, row] -= total


@njit(parallel=True, cache=True)
def multiply_in_parts(x, quants, scales, minimums, out, n_parts):
    rows = out.shape[1]
    for part in prange(n_parts):
        start, stop = part * rows // n_parts, (part + 1) * rows // n_parts
        multiply_rows(x, quants, scales, minimums, start, stop, out)


def multiply(
    x: ndarray,  # (vector, block, width) float32
    quants: ndarray,  # (row, block, width) int8
    scales: ndarray,  # (row, block) float32
    minimums: ndarray,  # (row, block) float32, or (0, 0): none
    out: ndarray,  # (vector, row) float32, written
    n_parts: int,  # worked on at once
) -> None:
    """Each vector's dot product with each row."""
    if n_parts == 1:  # nothing to hand out
        multiply_rows(x, quants, scales, minimums, 0, out.shape[1], out)
    else:
        with ONE_AT_A_TIME:
            multiply_in_parts(x, quants, scales, minimums, out, n_parts)


@njit(cache=True)
def _widen_rows(quants, scales, minimums, start, stop, out):
    # The width of a block is read at run time: were it a constant, LLVM would unroll the
    # innermost loop and gather single bytes across blocks, which is ten times slower.
    _, n_blocks, width = quants.shape
    for row in range(start, stop):
        for block in range(n_blocks):
            q, scale, to = quants[row, block], scales[row, block], out[row, block]
            minimum = minimums[row, block] if minimums.size else np.float32(0)
            for i in range(width):
                to[i] = np.float32(q[i]) * scale - minimum


@njit(parallel=True, cache=True)
def _widen_in_parts(quants, scales, minimums, out, n_parts):
    rows = len(quants)
    for part in prange(n_parts):
        start, stop = part * rows // n_parts, (part + 1) * rows // n_parts
        _widen_rows(quants, scales, minimums, start, stop, out)


def widen(
    quants: ndarray,  # (row, block, width) int8
    scales: ndarray,  # (row, block) float32
    minimums: ndarray,  # (row, block) float32, or (0, 0): none
    out: ndarray,  # (row, block, width) float32, written
    n_parts: int,
) -> None:
    """Every weight as float32: scale · q − minimum."""
    if n_parts == 1:
        _widen_rows(quants, scales, minimums, 0, len(quants), out)
    else:
        with ONE_AT_A_TIME:
            _widen_in_parts(quants, scales, minimums, out, n_parts)
