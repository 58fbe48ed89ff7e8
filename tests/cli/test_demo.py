"""`focusqc demo` on a machine without a display: what it writes and what it claims."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.cli import main
from napari_focusqc.cli.demo import DEMO_MODELS, ModelRun, show_window, table_lines
from napari_focusqc.errors import OutputError, WeightsError
from napari_focusqc.evaluation.focus_protocols import ComparedMap, TruthCorrelation
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

LEAST_SPEARMAN = {"deepfocus": 0.6, "focuslitenn": 0.93, "convfocus": 0.97}
"""DeepFocus tells in from out of focus, and little of how far out."""


@pytest.mark.slow
def test_the_demo_finds_the_known_defocus_with_every_model_and_takes_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    heading = next(n for n, line in enumerate(lines) if line.split()[:1] == ["model"])
    table = [line.split() for line in lines[heading + 1 : heading + 1 + len(DEMO_MODELS)]]
    assert [row[0] for row in table] == list(DEMO_MODELS)
    for row in table:
        assert float(row[1]) >= LEAST_SPEARMAN[row[0]]
        assert 0 < float(row[3].removesuffix("%")) < 100
        assert int(row[4].replace(",", "")) > 1000
    for name, width in (("models.png", 2000), ("screenshot.png", 1000)):
        picture = Image.open(out / name).convert("RGB")
        assert picture.width > width
        assert len(picture.getcolors(picture.width * picture.height)) > 1000
    written = [line.removeprefix("wrote ") for line in lines if line.startswith("wrote ")]
    assert len(written) == 4 * len(DEMO_MODELS) + 2
    assert all(Path(path).exists() for path in written)


def run_of(model: str, threshold: float | None) -> ModelRun:
    """Make a map of three tiles in focus, one out of focus and one abstained."""
    scores = np.array([[1, 2, 3, 9, np.nan]], np.float32)
    reasons = np.where(np.isnan(scores), Reason.ABSTAINED, Reason.SCORED).astype(np.uint8)
    source = MapSource(
        "s", 0.25, "given", 0, model, {}, threshold, "none", "cpu", "0", "2026-01-01"
    )
    grid = TileGrid((100, 500), 1.0, 100, 100, 0, 0, *scores.shape)
    focus_map = FocusMap(scores, reasons, np.ones_like(scores), grid, source)
    found = TruthCorrelation(0.9876, 3), TruthCorrelation(0.5, 4)
    return ModelRun(ComparedMap(focus_map, *found), Path("map"), 12.34)


def test_the_table_has_a_line_for_each_model_in_columns() -> None:
    assert table_lines([run_of("focuslitenn", 5.0), run_of("other", None)]) == [
        "  model        one blur  all tiles  out of focus  scored  abstained  seconds",
        "  focuslitenn     0.988      0.500         25.0%       4          1     12.3",
        "  other           0.988      0.500             –       4          1     12.3",
    ]


def test_a_model_that_fails_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the network is taken away; the sample slide is real, but small."""
    from napari_focusqc.slides.sample import slide as sample

    layout = sample.SampleLayout(
        side_px=1024, glass_px=128, lane_radii_px=(0.0, 8.0), corner_px=256
    )
    monkeypatch.setattr(
        sample, "sample_slide", lambda: sample.build_sample_slide(tmp_path / "s.tif", layout)
    )

    def without_weights(*_: object) -> None:
        raise WeightsError("the weights are damaged; install the package again")

    monkeypatch.setattr("napari_focusqc.pipeline.beginning.find_weights", without_weights)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "focusqc: the weights are damaged; install the package again"
    )
    assert not (tmp_path / "out" / "models.png").exists()


def test_a_window_that_cannot_open_is_one_sentence() -> None:
    with pytest.raises(OutputError, match="could not show them"):
        show_window([sys.executable, "-c", "raise SystemExit(3)"])
