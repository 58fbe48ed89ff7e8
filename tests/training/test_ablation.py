"""Five rows, each of the crops it says, in one table; what is finished is not done again."""

import csv
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.cli import main
from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.models.registry import weights_in
from napari_focusqc.models.weights import load_network
from napari_focusqc.optics.camera import Camera
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.progress import finish
from napari_focusqc.settings.training import AblationSettings
from napari_focusqc.training import ablation, blurs
from napari_focusqc.training import crops as crops_module
from napari_focusqc.training.ablation import FINISHED, ROWS, Row, run_ablation
from napari_focusqc.training.crops import make_crops
from napari_focusqc.training.fields import Field
from napari_focusqc.training.kinds import BOKEH, MIXED, SCANNED
from napari_focusqc.training.recipes import CHECKPOINT

BY_NAME = {row.name: row for row in ROWS}


def test_the_rows_stand_in_the_order_of_the_papers_table() -> None:
    assert list(BY_NAME) == ["1-blur", "2-noise", "3-jpeg", "4-bokeh", "5-scanned", "6-mixed"]


# --- The crops of each row --------------------------------------------------------------------


@pytest.fixture
def fields(tissue_image) -> list[Field]:
    return [Field("made", Path(f"{seed}.png"), tissue_image(150, 145, seed)) for seed in range(2)]


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[Camera]:
    """Return a list that gets the scanner of every crop."""
    seen: list[Camera] = []
    expose = crops_module.expose

    def note(blurred, camera, rng):
        seen.append(camera)
        return expose(blurred, camera, rng)

    monkeypatch.setattr(crops_module, "expose", note)
    return seen


@pytest.mark.parametrize(
    ("name", "noisy", "quality", "sharpened"),
    [
        ("1-blur", False, None, False),
        ("2-noise", True, None, False),
        ("3-jpeg", True, (70, 90), False),
        ("4-bokeh", True, (70, 90), False),
        ("5-scanned", True, (60, 95), True),
        ("6-mixed", True, (60, 95), True),
    ],
)
def test_a_row_is_seen_by_the_scanners_it_says(
    name: str,
    noisy: bool,
    quality: tuple[int, int] | None,
    sharpened: bool,
    fields: list[Field],
    cameras: list[Camera],
) -> None:
    finish(make_crops(fields, 60, 0.25, 64, 0, BY_NAME[name].kind))
    assert len(cameras) == 60
    assert {camera.noise_scale > 0 for camera in cameras} == {noisy}
    assert any(camera.sharpening > 0 for camera in cameras) == sharpened
    qualities = [camera.quality for camera in cameras]
    if quality is None:
        assert set(qualities) == {None}
    else:
        assert quality[0] <= min(qualities) < max(qualities) <= quality[1]
    assert np.ptp([camera.colour.brightness for camera in cameras]) > 0  # augmented in every row


def is_gaussian(kernel: np.ndarray) -> bool:
    """Tell a kernel that is a column times a row, as no disk or lens is."""
    return bool(np.linalg.matrix_rank(kernel, tol=1e-4 * kernel.max()) == 1)


@pytest.mark.parametrize("row", ROWS, ids=list(BY_NAME))
def test_a_row_is_blurred_as_it_says(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    lenses = []
    through = blurs.relative_kernels
    monkeypatch.setattr(
        blurs, "relative_kernels", lambda *lens: lenses.append(lens) or through(*lens)
    )
    kernels = [row.kind.blur(14, 0.25, np.random.default_rng(seed))[0] for seed in range(12)]
    gaussian = row.name in ("1-blur", "2-noise", "3-jpeg")
    assert {is_gaussian(each) for three in kernels for each in three} == {gaussian}
    assert bool(lenses) == (row.name in ("5-scanned", "6-mixed"))


def test_rows_1_to_5_cut_the_same_places(fields: list[Field]) -> None:
    """Where the scanner changes nothing, crops of class 0 are the field itself."""
    same = (1.0, 1.0)
    nothing = CameraRange(
        *((0.0, 0.0), (0.0, 0.0), same, same, (0.0, 0.0), same, same, same, (0.0, 0.0)),
        *(same, same, (0.0, 0.0), None),
    )
    found = [
        finish(make_crops(fields, 60, 0.25, 64, 3, replace(row.kind, scanners=nothing)))
        for row in ROWS[:5]
    ]
    for crops in found[1:]:
        np.testing.assert_array_equal(crops.classes, found[0].classes)
        sharp = crops.classes == 0
        np.testing.assert_array_equal(crops.images[sharp], found[0].images[sharp])


def test_rows_4_to_6_are_the_kinds_that_are_trained_on_but_for_their_luck() -> None:
    for name, kind in (("4-bokeh", BOKEH), ("5-scanned", SCANNED)):
        assert replace(BY_NAME[name].kind, blur=kind.blur) == kind
    assert BY_NAME["6-mixed"].kind is MIXED


# --- The whole --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """An ablation that was killed in its second row and went on."""

    settings: AblationSettings
    printed: str
    first_row_untouched: bool


def options(settings: AblationSettings) -> list[str]:
    names = ("data", "out", "mpp", "data_mpp", "epochs", "crops", "batch", "validation")
    return [
        word
        for name in (*names, "learning_rate")
        for word in (f"--{name.replace('_', '-')}", str(getattr(settings, name)))
    ]


@pytest.fixture(scope="module")
def run(coarse_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("ablation") / "out"
    tiny = {"epochs": 2, "crops": 60, "batch": 20, "validation": 0.25, "learning_rate": 0.01}
    settings = AblationSettings(coarse_folder, out, mpp=1.0, data_mpp=1.0, **tiny)
    work = run_ablation(settings)
    for step in work:
        if step.stage.startswith(f"{ROWS[1].words}: training"):
            break
    work.close()
    assert (out / "2-noise" / CHECKPOINT).is_file()
    first = out / "1-blur" / FINISHED
    before = first.stat().st_mtime_ns
    with redirect_stdout(StringIO()) as printed:
        assert main(["ablation", *options(settings)]) == 0
    return Run(settings, printed.getvalue(), first.stat().st_mtime_ns == before)


def test_the_table_has_six_rows_with_the_papers_figures_beside(run: Run) -> None:
    text = (run.settings.out / "ablation.csv").read_text(encoding="utf-8")
    head, *rows = csv.reader(text.splitlines())
    assert [row[0] for row in rows] == [row.words for row in ROWS]
    paper = head.index("paper's ρ, AT2")
    assert [row[paper : paper + 2] for row in rows] == [
        ["-0.274", "-0.134"],
        ["-0.14", "-0.325"],
        ["0.785", "0.922"],
        ["0.808", "0.936"],
        ["", ""],
        ["", ""],
    ]
    measured = np.array([[float(cell or "nan") for cell in row[1:paper]] for row in rows])
    assert measured.shape == (6, 5)
    correlations = measured[np.isfinite(measured[:, 0]), :3]
    assert len(correlations) and (np.abs(correlations) <= 1).all()
    page = (run.settings.out / "ablation.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 6
    assert {line.count("|") for line in lines} == {len(head) + 1}


def test_what_is_printed_is_the_table(run: Run) -> None:
    for row in ROWS:
        assert f"  {row.words}" in run.printed
    assert "Table 2" in run.printed


def test_every_row_leaves_weights_that_load_and_its_losses(run: Run) -> None:
    for row in ROWS:
        folder = run.settings.out / row.name
        endings = ("json", "loss.csv", "loss.png", "safetensors")
        expected = [f"convfocus-3a-1.{each}" for each in endings]
        assert sorted(path.name for path in folder.iterdir()) == [*expected, FINISHED]
        weights = weights_in(folder / "convfocus-3a-1.safetensors")
        load_network(weights)
        assert row.words in weights.card.note
        assert weights.card.command.startswith("focusqc ablation --data DATA/")
        losses = (folder / "convfocus-3a-1.loss.csv").read_text(encoding="utf-8")
        assert len(losses.splitlines()) == 1 + run.settings.epochs


def test_what_is_finished_is_not_done_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.first_row_untouched
    for name in ("make_stacks", "training_crops", "fit"):
        monkeypatch.setattr(ablation, name, lambda *_: pytest.fail("worked again"))
    before = (run.settings.out / "ablation.csv").read_bytes()
    table = finish(run_ablation(run.settings))
    assert len(table.rows) == 6
    assert (run.settings.out / "ablation.csv").read_bytes() == before


def test_an_ablation_of_other_settings_is_refused(run: Run) -> None:
    with pytest.raises(TrainingError, match="other settings or images"):
        finish(run_ablation(replace(run.settings, seed=1)))


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:20], lambda text: json.dumps({"run": "?", "figures": {}})]
)
def test_damaged_figures_are_refused_by_name(
    spoil: Callable[[str], str], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "3-jpeg").mkdir()
    text = (run.settings.out / "3-jpeg" / FINISHED).read_text(encoding="utf-8")
    (tmp_path / "3-jpeg" / FINISHED).write_text(spoil(text), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"3-jpeg/figures\.json cannot be read"):
        finish(run_ablation(replace(run.settings, out=tmp_path)))


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(
    small_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written to"):
        next(run_ablation(AblationSettings(small_folder, tmp_path / "file")))


def test_every_row_starts_from_random_weights(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ablation", "--data", "d", "--out", "o", "--start", "convfocus-5a-0.25"])
    assert "unrecognized arguments: --start" in capsys.readouterr().err
