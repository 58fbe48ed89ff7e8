"""How many nuclei there are, in and out of focus, and how densely they lie.

Room: results.
"""

from dataclasses import dataclass

import numpy as np

from napari_focusqc.results.nucleus_table import FocusFlag, NucleusTable


@dataclass(frozen=True, slots=True)
class NucleusCounts:
    """Nuclei in a few numbers.

    Parameters
    ----------
    total
        All of them.
    by_focus
        Number of nuclei of each flag, by the flag's words; every flag is there.
    searched_mm2
        Area in which nuclei were looked for, mm².
    """

    total: int
    by_focus: dict[str, int]
    searched_mm2: float

    @classmethod
    def of(cls, nuclei: NucleusTable) -> "NucleusCounts":
        """Count the nuclei of a table."""
        numbers = np.bincount(nuclei.in_focus, minlength=len(FocusFlag))
        area = nuclei.source.searched_px2 * (nuclei.source.mpp / 1000) ** 2
        return cls(len(nuclei), {flag.words: int(numbers[flag]) for flag in FocusFlag}, area)

    def per_mm2(self, number: int) -> float | None:
        """Return so many nuclei per mm² searched; None where nothing was searched."""
        return number / self.searched_mm2 if self.searched_mm2 > 0 else None
