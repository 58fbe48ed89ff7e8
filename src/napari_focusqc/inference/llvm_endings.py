"""The endings of convolutions, written for eight floats at once.

Room: inference. ELU is e^x − 1 below zero. e^x = 2^n e^f with whole n and |f| at most ln 2 / 2; e^f
is a polynomial, its coefficients those with the least greatest error, 1e-7.
"""

from collections.abc import Callable
from typing import Any

from napari_focusqc.inference.endings import Clamped, Elu, EluAddedElu
from napari_focusqc.inference.llvm_code import Code, Vector

Finish = Callable[[Vector, Any, Any], Vector]
"""Gets results, the data they will be in and the place there; gives what is to be written."""

_EXPONENTIAL = (0.00837463978677988, 0.041898276656866074, 0.16666457056999207, 0.4999914765357971)
"""Of f⁵, f⁴, f³ and f²; f and 1 have the coefficient 1."""
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453
_ROUNDING = 1.5 * 2**23
"""Added to a float below 2²², it leaves the nearest whole number in the lowest bits."""
_EXPONENT_BIT = 23
_LEAST = -80.0
"""Below it, e^x is nothing beside 1, and its exponent would leave the float's range."""


def ending(code: Code, kind: Any, given: Any, filters: Any) -> Finish:
    """Read an ending's numbers, of eight filters; return what does it."""
    numbers = code.array(kind.types[0], code.builder.extract_value(given, 0))
    width = code.builder.extract_value(numbers.shape, 1)

    def line(number: int) -> Vector:
        return code.load(numbers.data, code.ahead(filters, number, width))

    if kind.instance_class is Clamped:
        bias, lowest, factor, last = (line(number) for number in range(4))
        return lambda value, *_: (value + bias).at_least(lowest).times(factor, last)
    scale, shift = line(0), line(1)

    def finish(value: Vector, data: Any, place: Any) -> Vector:
        done = _elu(code, value.times(scale, shift))
        if kind.instance_class is not Elu:
            done = done + code.load(data, place)
        return _elu(code, done) if kind.instance_class is EluAddedElu else done

    return finish


def _elu(code: Code, value: Vector) -> Vector:
    """Return e^x − 1 where x is below zero, else x."""
    low = value.at_least(code.constant(_LEAST))
    rounded = low.times(code.constant(_LOG2_E), code.constant(_ROUNDING))
    rest = (rounded - code.constant(_ROUNDING)).times(code.constant(-_LN_2), low)
    power = code.constant(_EXPONENTIAL[0])
    for coefficient in (*_EXPONENTIAL[1:], 1.0, 1.0):
        power = power.times(rest, code.constant(coefficient))
    return value.or_below_zero(power.bits_added(rounded, _EXPONENT_BIT) - code.constant(1.0))
