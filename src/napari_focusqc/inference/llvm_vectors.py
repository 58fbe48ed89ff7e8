"""The inner loops of convolutions and poolings, written for eight floats at once.

Room: inference. Each writes code for LLVM, which turns it into what the processor has. All arrays
are float32 and contiguous; a place in them is a number of floats from their start, and nothing is
checked.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from napari_focusqc.inference.llvm_code import (
    FILTERS,
    HALVES,
    INDEX,
    LANES,
    VECTOR,
    Code,
    Vector,
)
from napari_focusqc.inference.llvm_endings import ending

SIDE, STEP = 6, 4
"""Of a window, and from a window to the next, px: F(4 × 4, 3 × 3)."""
PLACES = SIDE * SIDE
ROWS = 6
"""Of a product: its twelve sums and two vectors of filters fill AVX2's registers but two."""

intrinsic: Any = extending.intrinsic  # its types ask callers for the typing context, too


_Sums = dict[tuple[int, int], Vector]
"""Six rows of sixteen filters, by row and half."""


def _forth(d: Sequence[Vector]) -> list[Vector]:
    """Return Bᵀ d, six of six."""
    even, odd = d[4] - 4.0 * d[2], d[3] - 4.0 * d[1]
    wide, half = d[4] - d[2], 2.0 * (d[3] - d[1])
    first, last = 4.0 * d[0] - 5.0 * d[2] + d[4], 4.0 * d[1] - 5.0 * d[3] + d[5]
    return [first, even + odd, even - odd, wide + half, wide - half, last]


def _back(m: Sequence[Vector]) -> list[Vector]:
    """Return Aᵀ m, four of six."""
    near, far = m[1] + m[2], m[3] + m[4]
    near_odd, far_odd = m[1] - m[2], m[3] - m[4]
    third, fourth = near + 4.0 * far, near_odd + 8.0 * far_odd + m[5]
    return [m[0] + near + far, near_odd + 2.0 * far_odd, third, fourth]


def _columns(rows: Sequence[Sequence[Vector]]) -> list[list[Vector]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _places(*counts: int) -> Any:
    """Return the type of a tuple of tuples of places; a count of 0 stands for a place alone."""
    kinds = [types.UniTuple(types.int64, count) if count else types.int64 for count in counts]
    return types.Tuple(kinds)


@intrinsic
def to_filters(_typing, images, values, _where):  # type: ignore[no-untyped-def]
    """Transform a window of eight channels, Bᵀ d B.

    Places: ``((at, from row to row, from column to column), (to, from number to number))``.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        source, target = (code.array(signature.args[n], given[n]).data for n in (0, 1))
        window, there = code.parts(given[2], 2)
        (at, row, column), (to, step) = code.parts(window, 3), code.parts(there, 2)
        rows = []
        for y in range(SIDE):
            start = code.ahead(at, y, row)
            line = [code.load(source, code.ahead(start, x, column)) for x in range(SIDE)]
            rows.append(_forth(line))
        done = _columns([_forth(column) for column in _columns(rows)])
        for place in range(PLACES):
            code.store(done[place // SIDE][place % SIDE], target, code.ahead(to, place, step))
        return context.get_dummy_value()

    return types.void(images, values, _places(3, 2)), write


@intrinsic
def to_pixels(_typing, products, last, found, _where):  # type: ignore[no-untyped-def]
    """Transform eight filters' products back, Aᵀ m A, and do what comes last, an `Ending`.

    Places: ``(filter, (at, from number to number), (to, from row to row, from column to column))``.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        source, target = (code.array(signature.args[n], given[n]).data for n in (0, 2))
        filters, there, pixels = code.parts(given[3], 3)
        (at, step), (to, row, column) = code.parts(there, 2), code.parts(pixels, 3)
        finish = ending(code, signature.args[1], given[1], filters)
        columns = []
        for x in range(SIDE):
            numbers = [code.ahead(at, SIDE * y + x, step) for y in range(SIDE)]
            columns.append(_back([code.load(source, number) for number in numbers]))
        for y, line in enumerate(_columns(columns)):
            start = code.ahead(to, y, row)
            for x, value in enumerate(_back(line)):
                place = code.ahead(start, x, column)
                code.store(finish(value, target, place), target, place)
        return context.get_dummy_value()

    return types.void(products, last, found, _places(0, 2, 3)), write


@intrinsic
def product(_typing, left, right, found, _where):  # type: ignore[no-untyped-def]
    """Multiply six rows by a block of sixteen filters.

    Places: ``((at, from row to row), length, block, (to, from row to row))``.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        arrays = [code.array(signature.args[n], given[n]).data for n in range(3)]
        rows, length, first, there = code.parts(given[3], 4)
        along = [INDEX(1), INDEX(0), length]
        sums = _multiplied(code, arrays[:2], (code.parts(rows, 2), along, first))
        to, width = code.parts(there, 2)
        for (row, half), value in sums.items():
            start = code.ahead(to, row, width)
            code.store(value, arrays[2], code.ahead(start, half, INDEX(LANES)))
        return context.get_dummy_value()

    return types.void(left, right, found, _places(2, 0, 0, 2)), write


@intrinsic
def finished_product(_typing, left, right, last, found, _where):  # type: ignore[no-untyped-def]
    """Multiply six rows, each in pieces of one length, by filters; do what comes last, an `Ending`.

    Places: ``((at, from row to row), (pieces, from piece to piece, length), block, filter, (to,
    from row to row, halves))``; of a block's sixteen filters so many halves are written.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        factors, blocks, target = (code.array(signature.args[n], given[n]).data for n in (0, 1, 3))
        rows, along, first, filters, there = code.parts(given[4], 5)
        where = code.parts(rows, 2), code.parts(along, 3), first
        sums = _multiplied(code, [factors, blocks], where)
        to, width, halves = code.parts(there, 3)
        for half in range(HALVES):
            with builder.if_then(builder.icmp_signed("<", INDEX(half), halves)):
                ahead = INDEX(half * LANES)
                finish = ending(code, signature.args[2], given[2], builder.add(filters, ahead))
                for row in range(ROWS):
                    place = builder.add(code.ahead(to, row, width), ahead)
                    code.store(finish(sums[row, half], target, place), target, place)
        return context.get_dummy_value()

    return types.void(left, right, last, found, _places(2, 3, 0, 0, 3)), write


@intrinsic
def least_product(_typing, left, right, least, _where):  # type: ignore[no-untyped-def]
    """Lower sixteen minima to those of six rows, each in pieces of one length, times filters.

    Places: ``((at, from row to row), (pieces, from piece to piece, length), block, to)``.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        arrays = [code.array(signature.args[n], given[n]).data for n in range(3)]
        rows, along, first, to = code.parts(given[3], 4)
        where = code.parts(rows, 2), code.parts(along, 3), first
        sums = _multiplied(code, arrays[:2], where)
        for half in range(HALVES):
            place = code.ahead(to, half, INDEX(LANES))
            low = code.load(arrays[2], place)
            for row in range(ROWS):
                low = low.at_most(sums[row, half])
            code.store(low, arrays[2], place)
        return context.get_dummy_value()

    return types.void(left, right, least, _places(2, 3, 0, 0)), write


def _multiplied(code: Code, arrays: list[Any], places: tuple[Any, ...]) -> _Sums:
    """Write six rows times sixteen filters; places as in `finished_product`, its first three."""
    builder, (rows, block) = code.builder, arrays
    (at, stride), (pieces, away, length), first = places
    pairs = [(row, half) for row in range(ROWS) for half in range(HALVES)]
    zero = ir.Constant(VECTOR, [0.0] * LANES)
    sums = {pair: cgutils.alloca_once_value(builder, zero) for pair in pairs}  # registers
    with cgutils.for_range(builder, pieces) as piece, cgutils.for_range(builder, length) as one:
        ahead = builder.add(builder.mul(piece.index, away), one.index)
        done = builder.add(builder.mul(piece.index, length), one.index)
        line = code.ahead(first, FILTERS, done)
        halves = [code.load(block, code.ahead(line, half, INDEX(LANES))) for half in range(HALVES)]
        for row in range(ROWS):
            place = builder.add(code.ahead(at, row, stride), ahead)
            factor = code.everywhere(builder.gep(rows, [place]))
            for half in range(HALVES):
                before = Vector(code, builder.load(sums[row, half]))
                after = factor.times(halves[half], before)
                builder.store(after.value, sums[row, half])
    return {pair: Vector(code, builder.load(place)) for pair, place in sums.items()}


@intrinsic
def greatest(_typing, images, found, _where):  # type: ignore[no-untyped-def]
    """Take the greatest of a square of pixels, in eight channels.

    Places: ``((at, from row to row, from column to column), side, to)``.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        code = Code(context, builder)
        source, target = (code.array(signature.args[n], given[n]).data for n in (0, 1))
        window, side, to = code.parts(given[2], 3)
        at, row, column = code.parts(window, 3)
        most = cgutils.alloca_once_value(builder, code.load(source, at).value)
        with cgutils.for_range(builder, side) as down, cgutils.for_range(builder, side) as across:
            start = builder.add(at, builder.mul(down.index, row))
            new = code.load(source, builder.add(start, builder.mul(across.index, column)))
            builder.store(Vector(code, builder.load(most)).at_least(new).value, most)
        code.store(Vector(code, builder.load(most)), target, to)
        return context.get_dummy_value()

    return types.void(images, found, _places(3, 0, 0)), write
