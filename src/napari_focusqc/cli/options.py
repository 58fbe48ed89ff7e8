"""Options made from the fields of a settings dataclass, so that each default is written once.

Room: cli.
"""

import argparse
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

S = TypeVar("S")


def add_options(parser: argparse.ArgumentParser, settings: type) -> None:
    """Declare one option per field of a settings dataclass that is not hidden, required first."""
    hints = get_type_hints(settings)
    for option in sorted(fields(settings), key=lambda option: option.default is not MISSING):
        if option.metadata.get("hidden"):
            continue
        required = option.default is MISSING
        default = "" if required or option.default is None else f" ({option.default})"
        help_text = option.metadata["help"] + default
        parser.add_argument(
            f"--{option.name.replace('_', '-')}",
            type=_plain_type(hints[option.name]),
            choices=option.metadata.get("choices"),
            required=required,
            nargs="?" if "bare" in option.metadata else None,
            const=option.metadata.get("bare"),
            default=None if required else option.default,
            metavar=None if option.metadata.get("choices") else option.name.upper(),
            help=help_text.replace("%", "%%"),
        )


def _plain_type(hint: Any) -> Any:
    """Return what turns an argument's text into a field's type: X for `X | None`."""
    if get_origin(hint) is UnionType:
        return next(part for part in get_args(hint) if part is not type(None))
    return hint if isinstance(hint, type) else str


def read_settings(arguments: argparse.Namespace, settings: type[S]) -> S:
    """Build a settings dataclass from parsed options."""
    names: list[Field[Any]] = [f for f in fields(settings) if not f.metadata.get("hidden")]  # type: ignore[arg-type]
    return settings(**{option.name: getattr(arguments, option.name) for option in names})
