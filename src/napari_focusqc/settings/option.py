"""How a setting is declared once, for the form and the command line, and how it is checked.

Room: settings.
"""

from dataclasses import field, fields
from typing import Any

from napari_focusqc.errors import SettingsError


def option(default: Any, label: str, help_text: str, **bounds: Any) -> Any:
    """Declare a field with what a form and a command line need to show it."""
    return field(default=default, metadata={"label": label, "help": help_text, **bounds})


def check_ranges(settings: Any) -> None:
    """Compare each field of a settings dataclass with the range and choices it declares.

    Raises
    ------
    SettingsError
        Naming the field, the value found and what would do.
    """
    for each in fields(settings):
        value = getattr(settings, each.name)
        if value is None:
            continue
        choices = each.metadata.get("choices")
        if choices is not None and value not in choices:
            raise SettingsError(f"{each.name} is {value!r}; choose one of {', '.join(choices)}")
        low, high = each.metadata.get("minimum"), each.metadata.get("maximum")
        if low is not None and not low <= value <= high:
            raise SettingsError(f"{each.name} is {value}; it must lie between {low} and {high}")
