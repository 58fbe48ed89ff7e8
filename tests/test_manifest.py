"""The manifest says only what is there; `npe2 validate` alone would not notice all of this."""

import sys
from collections import Counter
from importlib.metadata import distribution
from pathlib import Path

import pytest
from napari._app_model.constants import MenuId
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

ROOT = Path(__file__).parents[1]
MANIFEST = PluginManifest.from_file(ROOT / "src" / "napari_focusqc" / "napari.yaml")
POINTS = MANIFEST.contributions
COMMANDS = {command.id: command for command in POINTS.commands}


def used_commands() -> list[str]:
    """Return the id of every command that a contribution names, with repeats."""
    named = [*(POINTS.readers or []), *(POINTS.writers or []), *(POINTS.widgets or [])]
    named += [sample for sample in POINTS.sample_data or [] if hasattr(sample, "command")]
    named += [item for items in POINTS.menus.values() for item in items if hasattr(item, "command")]
    return [contribution.command for contribution in named]


def test_the_installed_package_offers_this_manifest() -> None:
    assert PluginManifest.from_distribution("napari-focusqc").contributions == POINTS


@pytest.mark.skipif(sys.platform == "win32", reason="git may check links out as text on Windows")
def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == ROOT / "src" / "napari_focusqc" / "napari.yaml"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_something_to_call(command: str) -> None:
    assert callable(import_python_name(COMMANDS[command].python_name))


def test_each_command_has_one_id() -> None:
    assert len(COMMANDS) == len(POINTS.commands)


def test_contributions_and_commands_name_each_other() -> None:
    assert set(used_commands()) == set(COMMANDS)


@pytest.mark.parametrize("menu", POINTS.menus)
def test_a_menu_is_one_that_napari_lets_us_fill(menu: str) -> None:
    ours = {submenu.id for submenu in POINTS.submenus or []}
    assert menu in {member.value for member in MenuId.contributables()} | ours


@pytest.mark.parametrize("menu", POINTS.menus)
def test_a_menu_shows_a_command_once(menu: str) -> None:
    assert max(Counter(item.command for item in POINTS.menus[menu]).values()) == 1


def test_what_users_are_promised_is_contributed() -> None:
    assert {widget.display_name for widget in POINTS.widgets} >= {"Score focus", "Open slide…"}
    assert {sample.key for sample in POINTS.sample_data} == {"sample-slide", "cmu-small-region"}
    assert {"*.svs", "*.ndpi", "*.tif", "*.zarr"} <= set(POINTS.readers[0].filename_patterns)
    assert POINTS.readers[0].accepts_directories


def test_napari_opens_plain_pictures_without_asking_for_a_reader() -> None:
    """A second reader for a pattern makes napari ask, each time, which one to take."""
    patterns = POINTS.readers[0].filename_patterns
    assert not {"*.png", "*.jpg", "*.jpeg", "*"} & set(patterns)


def test_nothing_is_contributed_that_napari_ignores() -> None:
    assert not POINTS.keybindings


def test_the_hub_finds_a_name_and_a_place_for_it() -> None:
    assert MANIFEST.name == "napari-focusqc"
    assert MANIFEST.display_name == "Focus QC"
    assert "Image Processing" in {str(category) for category in MANIFEST.categories}
    metadata = distribution("napari-focusqc").metadata
    assert "Framework :: napari" in metadata.get_all("Classifier")
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL"))
    wanted = {"Homepage", "Documentation", "Source", "Bug Tracker", "Changelog"}
    assert set(urls) == wanted
    assert all(url.startswith("https://github.com/napari-focusqc/") for url in urls.values())
