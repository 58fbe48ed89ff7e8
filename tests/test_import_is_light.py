"""What is loaded when, seen from a fresh interpreter."""

import json
import subprocess
import sys

import pytest

QT = {"qtpy", "superqt", "PyQt5", "PyQt6", "PySide2", "PySide6"}
HEAVY = {"torch", "napari", "magicgui", "vispy", "matplotlib", "zarr", "openslide", "skimage"} | QT
REPORT = (
    "import json, sys; sys.stderr.write(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
)


def loaded_after(code: str) -> set[str]:
    """Run `code` in a fresh interpreter and return the top-level modules it ends with."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return set(json.loads(finished.stderr.splitlines()[-1]))


def test_the_probe_sees_a_heavy_import() -> None:
    assert "skimage" in loaded_after("import skimage")


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import napari_focusqc; napari_focusqc.__version__")
    assert "napari_focusqc" in loaded
    assert loaded & (HEAVY | {"numpy", "dask", "scipy"}) == set()


@pytest.mark.parametrize("argv", [["--help"], ["score", "--help"], ["models"]])
def test_the_command_line_answers_without_torch(argv: list[str]) -> None:
    loaded = loaded_after(
        "from napari_focusqc.cli import main\n"
        "try:\n"
        f"    code = main({argv!r})\n"
        "except SystemExit as leave:\n"
        "    code = leave.code\n"
        "assert not code, code"
    )
    assert loaded & ({"torch", "napari", "matplotlib"} | QT) == set()


def test_help_is_printed_when_run_as_a_module() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "napari_focusqc.cli", "--help"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert "score" in finished.stdout


@pytest.mark.parametrize(
    "widget", ["score_widget", "open_widget", "nucleus_widget", "nucleus_evaluation_widget"]
)
def test_importing_a_widget_loads_no_torch(widget: str) -> None:
    loaded = loaded_after(f"import napari_focusqc.widgets.{widget}")
    assert "napari_focusqc" in loaded
    assert "torch" not in loaded


def test_every_public_name_is_where_the_front_door_says() -> None:
    loaded = loaded_after(
        "import napari_focusqc as front\nassert all(getattr(front, name) for name in front.__all__)"
    )
    assert loaded & ({"napari", "matplotlib"} | QT) == set()
