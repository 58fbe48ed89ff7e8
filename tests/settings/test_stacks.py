"""What may be asked of a stack."""

import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.tiles.sharpness import FIGURES


@pytest.mark.parametrize(
    ("words", "planes"),
    [
        (None, (0, 1, 2, 3, 4)),
        ("1,3", (1, 3)),
        ("3, 1", (1, 3)),
        ("1-3", (1, 2, 3)),
        ("0,2-4", (0, 2, 3, 4)),
    ],
)
def test_planes_are_numbers_and_ranges(words: str | None, planes: tuple[int, ...]) -> None:
    assert StackSettings(planes=words).chosen_planes(5) == planes


@pytest.mark.parametrize("words", ["5", "0,x", "-1,2", "1-", "3-1", "2", "", "0,,1"])
def test_planes_that_are_none_are_refused(words: str) -> None:
    with pytest.raises(SettingsError):
        StackSettings(planes=words).chosen_planes(5)


def test_heights_are_rising_numbers() -> None:
    assert StackSettings(heights="-2, 0,2.5").heights_um() == (-2, 0, 2.5)
    assert StackSettings().heights_um() is None
    for words in ("", "1,1", "2,1", "a", "0,nan", "0,inf"):
        with pytest.raises(SettingsError, match="give rising numbers"):
            StackSettings(heights=words)
    with pytest.raises(SettingsError, match="give one of them"):
        StackSettings(heights="0,1", z_step_um=1.0)


def test_every_figure_of_merit_may_be_chosen() -> None:
    assert [StackSettings(merit=name).merit for name in FIGURES] == list(FIGURES)
    with pytest.raises(SettingsError, match="choose one of"):
        StackSettings(merit="best")  # type: ignore[arg-type]
