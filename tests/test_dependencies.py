"""pyproject.toml asks for what the code imports: all of it, and nothing else."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# No import shows these: openslide-bin is the C library that openslide-python loads.
UNSEEN = {"openslide-bin"}
QT = {"pyqt5", "pyqt6", "pyside2", "pyside6"}


def canonical(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    """Return the canonical name in a requirement such as `dask[array]>=2025.2`."""
    return canonical(re.match(r"[\w.-]+", requirement)[0])


def imported_libraries() -> set[str]:
    """Return the top-level third-party modules that src imports anywhere."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"napari_focusqc"}


DECLARED = {name_of(requirement) for requirement in PROJECT["dependencies"]}
EXTRAS = PROJECT["optional-dependencies"]


def test_what_the_code_imports_is_asked_for_and_nothing_else() -> None:
    homes = packages_distributions()
    imported = {canonical(homes[module][0]) for module in imported_libraries()}
    assert imported == DECLARED - UNSEEN


@pytest.mark.parametrize("extra", ["", "testing"])
def test_no_qt_binding_is_chosen_for_the_user(extra: str) -> None:
    asked = EXTRAS[extra] if extra else PROJECT["dependencies"]
    assert {name_of(requirement) for requirement in asked} & QT == set()
    assert not [requirement for requirement in asked if requirement.startswith("napari[")]


def test_every_dependency_is_pinned_once() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", pin) for pin in pins)
    names = [name_of(pin) for pin in pins]
    asked = [*PROJECT["dependencies"], *(need for extra in EXTRAS.values() for need in extra)]
    assert {name_of(requirement) for requirement in asked} <= set(names)
    assert len(names) == len(set(names))
