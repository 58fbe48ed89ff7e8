"""Code for LLVM, eight floats at once, written as one writes numpy.

Room: inference. Numba compiles loops over single numbers; how many of them a register holds is left
to luck. `Code` and `Vector` say it.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils

LANES = 8
"""Floats in a vector: a register of AVX2, two of NEON, half a one of AVX-512."""
HALVES = 2
FILTERS = HALVES * LANES
"""Filters that are multiplied together."""
INDEX = ir.IntType(64)
VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
_FUSED = ("contract",)


class Code:
    """Code that is being written.

    Parameters
    ----------
    context, builder
        Numba's and LLVM's, as an intrinsic gets them.
    """

    def __init__(self, context: Any, builder: Any) -> None:
        self._context, self.builder = context, builder

    def array(self, kind: Any, value: Any) -> Any:
        """Return an array's struct: its `data`, its `shape`."""
        return self._context.make_array(kind)(self._context, self.builder, value)

    def parts(self, place: Any, count: int) -> list[Any]:
        """Take a tuple apart."""
        return [self.builder.extract_value(place, part) for part in range(count)]

    def ahead(self, at: Any, count: int, step: Any) -> Any:
        """Return ``at + count * step``."""
        return self.builder.add(at, self.builder.mul(INDEX(count), step))

    def _address(self, data: Any, at: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [at]), VECTOR.as_pointer())

    def load(self, data: Any, at: Any) -> "Vector":
        """Read eight floats."""
        return Vector(self, self.builder.load(self._address(data, at), align=4))

    def store(self, vector: "Vector", data: Any, at: Any) -> None:
        """Write eight floats."""
        self.builder.store(vector.value, self._address(data, at), align=4)

    def everywhere(self, pointer: Any) -> "Vector":
        """Read one float into all eight."""
        nothing = ir.Constant(VECTOR, ir.Undefined)
        zero = ir.IntType(32)(0)
        one = self.builder.insert_element(nothing, self.builder.load(pointer), zero)
        order = ir.Constant(_BITS, [0] * LANES)
        return Vector(self, self.builder.shuffle_vector(one, nothing, order))

    def constant(self, number: float) -> "Vector":
        """Take one number eight times."""
        return Vector(self, ir.Constant(VECTOR, [number] * LANES))


class Vector:
    """Eight floats of code that is being written."""

    def __init__(self, code: Code, value: Any) -> None:
        self._code, self.value = code, value

    def __add__(self, other: "Vector") -> "Vector":
        return self._new(self._code.builder.fadd(self.value, other.value, flags=_FUSED))

    def __sub__(self, other: "Vector") -> "Vector":
        return self._new(self._code.builder.fsub(self.value, other.value, flags=_FUSED))

    def __rmul__(self, factor: float) -> "Vector":
        constant = self._code.constant(factor).value
        return self._new(self._code.builder.fmul(constant, self.value, flags=_FUSED))

    def times(self, other: "Vector", plus: "Vector") -> "Vector":
        """Multiply and add."""
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        name = f"llvm.fmuladd.v{LANES}f32"
        builder = self._code.builder
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return self._new(builder.call(function, [self.value, other.value, plus.value]))

    def at_least(self, other: "Vector") -> "Vector":
        """Take the greater one; itself where it is no number."""
        builder = self._code.builder
        less = builder.fcmp_ordered("<", self.value, other.value)
        return self._new(builder.select(less, other.value, self.value))

    def at_most(self, other: "Vector") -> "Vector":
        """Take the lesser one; itself where it is no number."""
        builder = self._code.builder
        more = builder.fcmp_ordered(">", self.value, other.value)
        return self._new(builder.select(more, other.value, self.value))

    def or_below_zero(self, other: "Vector") -> "Vector":
        """Take the other where this one is below zero."""
        builder = self._code.builder
        below = builder.fcmp_ordered("<", self.value, self._code.constant(0.0).value)
        return self._new(builder.select(below, other.value, self.value))

    def bits_added(self, other: "Vector", places: int) -> "Vector":
        """Add the other's bits, moved up by some places, to this one's, as whole numbers."""
        builder = self._code.builder
        own, others = (builder.bitcast(each.value, _BITS) for each in (self, other))
        moved = builder.shl(others, ir.Constant(_BITS, [places] * LANES))
        return self._new(builder.bitcast(builder.add(own, moved), VECTOR))

    def _new(self, value: Any) -> "Vector":
        return Vector(self._code, value)
