"""The rooms stand in one order, and a library comes in by its own door only.

Read with `ast`, so imports hidden in functions, in `if TYPE_CHECKING:` and in `import_module("…")`
count like any other.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "napari_focusqc"
MODULES = sorted(PACKAGE.rglob("*.py"))

ROOMS = (
    "errors",
    "progress",
    "geometry",
    "optics",
    "slides",
    "tiles",
    "models",
    "inference",
    "results",
    "settings",
    "pipeline",
    "annotation",
    "evaluation",
    "training",
    "batch",
    "plugin",
    "cli",
    "widgets",
)
NARROWER = {"settings": {"errors", "geometry"}}
FRONT_DOOR = "__init__"
BEHIND_FRONT_DOOR = set(ROOMS) - {"plugin", "cli", "widgets"}

DOORS: dict[str, set[str]] = {
    "openslide": {"slides", "results"},
    "tifffile": {"slides", "results"},
    "zarr": {"slides", "results"},
    "imagecodecs": {"slides", "results"},
    "pyarrow": {"results"},
    "torch": {"models", "inference", "training"},
    "numba": {"inference"},
    "llvmlite": {"inference"},
    "safetensors": {"models", "inference", "training"},
    "dask.distributed": {"batch"},
    "distributed": {"batch"},
    "napari": {"widgets"},
    "qtpy": {"widgets"},
    "magicgui": {"widgets"},
    "superqt": {"widgets"},
    "vispy": {"widgets"},
    "matplotlib": {"evaluation", "widgets"},
    "platformdirs": {"models"},
    "pooch": {"slides"},
    "urllib.request": {"slides", "plugin"},
    "argparse": {"cli"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "tqdm": {"cli"},
    # Qt comes through qtpy, and nothing of ours is ever unpickled.
    "PyQt5": set(),
    "PyQt6": set(),
    "PySide2": set(),
    "PySide6": set(),
    "pickle": set(),
    "dill": set(),
    "cloudpickle": set(),
    "joblib": set(),
    "shelve": set(),
    "marshal": set(),
}
# Catching what a damaged checkpoint makes torch raise unpickles nothing.
HARMLESS = {"pickle.UnpicklingError"}
# Plain tables, so that listing the models loads no network.
WITHOUT_TORCH = {
    "models.card",
    "models.cards",
    "models.own_folder",
    "models.published",
    "models.registry",
    "models.weights_file",
}
TERMINAL = {"print", "input"}


def dotted_name(path: Path) -> str:
    """Return `slides.opening` for slides/opening.py and `slides` for slides/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == FRONT_DOOR else parts)


def called_name(node: ast.Call) -> str:
    """Return the last part of the called name: `import_module` for `importlib.import_module()`."""
    called = node.func
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import, at whatever depth.

    A relative import and an import by a name that is computed yield `"."` and `"?"`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "."
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called_name(node) in {"import_module", "__import__"}:
            name = node.args[0] if node.args else None
            literal = isinstance(name, ast.Constant) and isinstance(name.value, str)
            yield node.lineno, name.value if literal else "?"


def may_enter(module: str) -> set[str]:
    """Return the rooms that a module may import."""
    room = module.split(".")[0]
    if room == FRONT_DOOR:
        return BEHIND_FRONT_DOOR
    return NARROWER.get(room, set(ROOMS[: ROOMS.index(room)])) | {room}


def refusal(module: str, name: str) -> str | None:
    """Say why `module` may not import `name`, or None where it may."""
    room = module.split(".")[0]
    if name == ".":
        return "imports relatively"
    if name == "?":
        return None if module == FRONT_DOOR else "imports a name that it computes"
    if name.split(".")[0] == "napari_focusqc":
        inside = name.split(".")[1:2]
        allowed = may_enter(module) | {"__version__"}
        return None if inside and inside[0] in allowed else f"imports {name}"
    if name in HARMLESS:
        return None
    for library, rooms in DOORS.items():
        if name == library or name.startswith(f"{library}."):
            shut = module in WITHOUT_TORCH and library in {"torch", "safetensors"}
            return f"imports {library}" if shut or room not in rooms else None
    return None


def broken_rules(module: str, source: str) -> list[str]:
    """List what a module does that its room may not, one sentence each."""
    tree = ast.parse(source)
    room = module.split(".")[0]
    found = [(line, refusal(module, name)) for line, name in imports(tree)]
    if room != "cli":
        found += [
            (node.lineno, f"calls {called_name(node)}()")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in TERMINAL
        ]
    return [f"{module}, line {line}: {why}" for line, why in sorted(found, key=str) if why]


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    module = dotted_name(path)
    assert module.split(".")[0] in (*ROOMS, FRONT_DOOR), f"{module} is in no known room"
    assert broken_rules(module, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tiles.grid", "from napari_focusqc.models.card import ModelCard"),
        ("tiles.grid", "import napari_focusqc.pipeline"),
        ("tiles.grid", "from napari_focusqc import results"),
        ("tiles.grid", "from napari_focusqc import FocusMap"),
        ("tiles.grid", "import napari_focusqc"),
        ("tiles.grid", "from . import tissue"),
        ("tiles.grid", "def late():\n    import torch.nn as nn"),
        ("tiles.grid", "def late():\n    from napari_focusqc.widgets import run"),
        ("tiles.grid", "if TYPE_CHECKING:\n    from napari_focusqc.widgets.run import Run"),
        ("tiles.grid", "importlib.import_module('torch')"),
        ("tiles.grid", "import_module(name)"),
        ("tiles.grid", "__import__('tifffile')"),
        ("tiles.grid", "print('scored')"),
        ("settings", "from napari_focusqc.results.focus_map import FocusMap"),
        ("models.card", "import torch"),
        ("models.registry", "from safetensors.torch import load_file"),
        ("models.published", "import torch"),
        ("slides.sample.slide", "from tqdm import tqdm"),
        ("pipeline", "from dask.distributed import Client"),
        ("plugin.layers", "from napari.layers import Image"),
        ("widgets.run", "from PyQt6.QtCore import QObject"),
        ("models.weights", "import pickle"),
        ("__init__", "from napari_focusqc.cli import main"),
        ("__init__", "import torch"),
    ],
)
def test_a_forbidden_line_is_caught(module: str, source: str) -> None:
    assert len(broken_rules(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tiles.grid", "from napari_focusqc.geometry import Region"),
        ("tiles.grid", "from napari_focusqc.tiles.tissue import tissue_mask"),
        ("results.store", "import zarr\nfrom napari_focusqc.tiles.grid import TileGrid"),
        ("results.store", "from napari_focusqc import __version__"),
        ("models.focuslitenn", "import torch.nn as nn"),
        ("models.weights", "from pickle import UnpicklingError"),
        ("slides.tiff.slide", "import tifffile, dask.array"),
        ("widgets.run", "from qtpy.QtCore import QObject\nfrom napari_focusqc.cli import main"),
        ("cli", "import argparse\nprint('scored')"),
        ("__init__", "from napari_focusqc.pipeline import score_slide\nimport_module(name)"),
        ("pipeline", "from torchlike import thing"),
    ],
)
def test_an_allowed_line_passes(module: str, source: str) -> None:
    assert broken_rules(module, source) == []


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_a_module_names_its_room(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    module = dotted_name(path)
    if module == FRONT_DOOR or (path.name == "__init__.py" and not source.strip()):
        return
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert f"Room: {module.split('.')[0]}." in docstring


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from `def` to its end, its docstring left out."""
    total = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is None:
        return total
    docstring = function.body[0]
    return total - (docstring.end_lineno - docstring.lineno + 1)


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_modules_and_functions_stay_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= 300
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [node.name for node in functions if body_lines(node) > 40] == []
