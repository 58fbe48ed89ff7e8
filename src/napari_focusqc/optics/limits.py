"""Sizes and ranges that make no sense are refused.

Room: optics. One function per kind of limit, one sentence per refusal.
"""

import numpy as np

from napari_focusqc.errors import SettingsError


def check_size(what: str, value: float) -> None:
    """Refuse what is negative or not finite.

    Raises
    ------
    SettingsError
        `value` is no size; `what` names it in the sentence.
    """
    if not 0 <= value < np.inf:
        raise SettingsError(f"the {what} is {value}; it must be 0 or more and finite")
