"""The wheel and the sdist, built from this tree, work in an environment that is not this one.

The fresh environments see this environment's libraries through a folder of links that leaves out
napari-focusqc itself: the package under test is the installed one, and no gigabytes are fetched.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "napari_focusqc"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights on Windows"),
]

WHAT_NAPARI_FINDS = """
import json
import napari_focusqc
from napari.plugins import _initialize_plugins
from napari.plugins._npe2 import get_readers, sample_iterator, widget_iterator
_initialize_plugins()
samples = {plugin: sorted(entries) for plugin, entries in sample_iterator()}
widgets = {plugin: list(names) for _, (plugin, names) in widget_iterator()}
print(json.dumps({
    "home": napari_focusqc.__file__,
    "version": napari_focusqc.__version__,
    "readers": get_readers("slide.svs"),
    "samples": samples.get("napari-focusqc"),
    "widgets": widgets.get("napari-focusqc"),
}))
"""


class Built(NamedTuple):
    """The two files that `python -m build` makes."""

    wheel: Path
    sdist: Path


class Installed(NamedTuple):
    """An environment with the package in it."""

    folder: Path

    def run(self, *command: str) -> str:
        """Run a program of the environment far from the checkout and return what it prints."""
        return run(self.folder / "bin" / command[0], *command[1:], cwd=self.folder)


def run(*command: object, cwd: Path) -> str:
    """Run a command that must succeed; leave out what would lead it back to this tree."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    finished = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment | {"QT_QPA_PLATFORM": "offscreen"},
        timeout=300,
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def source_files() -> set[str]:
    """Return what the package consists of, as paths inside a wheel."""
    return {
        f"napari_focusqc/{path.relative_to(SOURCE).as_posix()}"
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".partial"
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the sdist, and from it the wheel."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return Built(wheel, sdist)


def link_libraries(folder: Path) -> None:
    """Fill `folder` with links to every installed library except napari-focusqc."""
    folder.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site).iterdir():
            ours = "napari_focusqc" in entry.name.replace("-", "_")
            if not ours and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Installed]:
    """Return `install(archive)`, which puts a wheel or an sdist into a fresh environment."""
    libraries = tmp_path_factory.mktemp("libraries") / "linked"
    link_libraries(libraries)

    def install_into_fresh(archive: Path) -> Installed:
        folder = tmp_path_factory.mktemp("fresh") / "venv"
        venv.create(folder, symlinks=True)
        python = folder / "bin" / "python"
        site = run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
        )
        (Path(site.strip()) / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index"]
        run(*pip, "--no-deps", "--no-build-isolation", archive, cwd=folder)
        return Installed(folder)

    return install_into_fresh


@pytest.fixture(scope="module", params=Built._fields)
def installed(
    request: pytest.FixtureRequest, built: Built, install: Callable[[Path], Installed]
) -> Installed:
    """Return an environment with the wheel, then one with the sdist."""
    return install(getattr(built, request.param))


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    assert names == source_files()
    assert len(licences) == 1


def test_the_sdist_holds_the_package_its_tests_and_its_papers(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {str(PurePosixPath(*PurePosixPath(n).parts[1:])) for n in sdist.getnames()}
    assert {f"src/{name}" for name in source_files()} <= names
    assert {"LICENSE", "README.md", "CITATION.cff", "tests/test_package.py"} <= names
    assert not [name for name in names if name.startswith((".venv", "out", "dist"))]


def test_every_set_of_weights_travels_with_its_card(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        files = {PurePosixPath(info.filename): info.file_size for info in wheel.infolist()}
    weights = {path.with_suffix("") for path in files if path.suffix == ".safetensors"}
    cards = {path.with_suffix("") for path in files if path.suffix == ".json"}
    assert len(weights) >= 2
    assert weights == cards
    assert all(files[path.with_name(f"{path.name}.safetensors")] > 0 for path in weights)


def test_napari_finds_reader_widgets_and_samples(installed: Installed) -> None:
    found = json.loads(installed.run("python", "-c", WHAT_NAPARI_FINDS).splitlines()[-1])
    assert Path(found["home"]).is_relative_to(installed.folder)
    assert found["readers"]["napari-focusqc"] == "Focus QC"
    assert "Score focus" in found["widgets"]
    assert found["samples"] == ["cmu-small-region", "sample-slide"]


def test_the_manifest_is_valid_where_it_is_installed(installed: Installed) -> None:
    said = installed.run("python", "-m", "npe2", "validate", "napari-focusqc")
    assert "'Focus QC' valid" in said


def test_the_command_line_lists_the_shipped_weights(installed: Installed) -> None:
    assert "focuslitenn" in installed.run("focusqc", "models")
