"""The README and the guides say what is true: their commands, snippets, numbers and links."""

import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from napari_focusqc.cli.commands import command_parser
from napari_focusqc.optics.classes import radius_range
from napari_focusqc.results.focus_map import MapSource, Verdict
from napari_focusqc.results.summary import MapSummary
from napari_focusqc.results.tables import COLUMNS
from napari_focusqc.tiles.grid import TileGrid

ROOT = Path(__file__).parents[1]
HOME = "https://github.com/napari-focusqc/napari-focusqc/blob/main/"
RAW = "https://raw.githubusercontent.com/napari-focusqc/napari-focusqc/main/"
README = (ROOT / "README.md").read_text("utf-8")
SCORING = (ROOT / "docs" / "scoring.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands() -> list[str]:
    lines = "".join(blocks(README, "sh") + blocks(SCORING, "sh")).splitlines()
    return [line for line in lines if line.startswith("focusqc ")]


def test_there_is_something_to_try() -> None:
    assert len(commands()) >= 6
    assert len(blocks(README, "python")) == 2


@pytest.mark.parametrize("line", commands())
def test_every_command_is_one(line: str) -> None:
    arguments = command_parser().parse_args(shlex.split(line, comments=True)[1:])
    assert callable(arguments.run)


@pytest.mark.parametrize("code", blocks(README, "python"))
def test_the_snippets_run(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tissue_image: Callable[..., object],
    write_tiff: Callable[..., Path],
) -> None:
    write_tiff(tmp_path / "slide.svs", tissue_image(600, 700), mpp=0.25)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_links_work_on_a_page_of_their_own_and_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert all(target.startswith("https://") for target in targets)
    ours = [t for t in targets if t.startswith((HOME, RAW))]
    assert len(ours) >= 6
    for target in ours:
        assert (ROOT / target.removeprefix(HOME).removeprefix(RAW)).is_file(), target


def test_links_between_the_guides_lead_somewhere() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            assert target.startswith("https://") or (page.parent / target).is_file(), target


def test_the_guide_lists_every_column_of_the_table() -> None:
    section = SCORING.partition("### The tile table")[2].partition("###")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert tuple(re.findall(r"`(\w+)`", " ".join(cells))) == COLUMNS


@pytest.mark.parametrize(
    ("name", "kind"), [("grid", TileGrid), ("source", MapSource), ("summary", MapSummary)]
)
def test_the_guide_explains_every_field_that_is_written(name: str, kind: type) -> None:
    for field in fields(kind):
        assert f"`{name}.{field.name}`" in SCORING


@pytest.mark.parametrize("verdict", Verdict)
def test_the_guide_explains_every_verdict(verdict: Verdict) -> None:
    assert f"| {verdict.words} |" in SCORING


def test_the_guide_gives_the_radii_of_the_blur_classes() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) to ([\d.]+) \|$", SCORING, flags=re.MULTILINE)
    assert len(rows) == 6
    for number, low, high in rows:
        radii_um = [0.25 * px for px in radius_range(int(number))]
        assert [float(low), float(high)] == pytest.approx(radii_um, abs=0.005)
