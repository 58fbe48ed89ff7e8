"""A JSON file holds what was given, and never a value that other programs cannot read."""

import json
from pathlib import Path

import pytest

from napari_focusqc.errors import OutputError
from napari_focusqc.results.json_file import write_json


def test_what_is_written_is_read_again_with_its_letters(tmp_path: Path) -> None:
    values = {"name": "σ", "figures": [1, None, 0.5]}
    path = write_json(values, tmp_path / "r.json")
    assert json.loads(path.read_text(encoding="utf-8")) == values
    assert "σ" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_json_cannot_hold_is_refused_and_what_stood_there_stays(
    tmp_path: Path, value: object
) -> None:
    path = write_json({"earlier": 1}, tmp_path / "r.json")
    with pytest.raises(OutputError, match="r.json cannot be stored as JSON"):
        write_json({"x": value}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"earlier": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]
