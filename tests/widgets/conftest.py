"""A docked widget on a small slide, and a run that goes only as far as the test lets it."""

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QSettings, QThreadPool
from qtpy.QtWidgets import QApplication

from napari_focusqc.errors import MissingMppError
from napari_focusqc.plugin.layers import slide_layers
from napari_focusqc.progress import Progress
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, MapSource, Reason
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid

HEIGHT, WIDTH = 800, 1000
ROWS, COLS = 6, 8


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Fail a test that leaves a thread at work or a window open."""
    threads = set(threading.enumerate())
    windows = set(QApplication.topLevelWidgets()) if QApplication.instance() else set()
    yield
    assert QThreadPool.globalInstance().waitForDone(5000)
    ours = [t for t in set(threading.enumerate()) - threads if t.name.startswith("focusqc")]
    assert not ours, f"threads left: {ours}"
    QApplication.processEvents()
    left = [w for w in set(QApplication.topLevelWidgets()) - windows if w.isVisible()]
    assert not left, f"windows left: {left}"


@pytest.fixture(autouse=True)
def _remembered_elsewhere(tmp_path: Path) -> None:
    """Keep what a widget remembers between sessions out of the user's own settings."""
    scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(*scope, str(tmp_path / "remembered"))


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Slide]:
    """Load no network for the sake of speed; return the slides it would be done for."""
    slides: list[Slide] = []
    stand_in = "napari_focusqc.widgets.score_widget.prepare"
    monkeypatch.setattr(stand_in, lambda slide, _settings: slides.append(slide))
    return slides


@dataclass
class SteppedScore:
    """Stand where `score_slide` does: the same contract, but a row only when allowed."""

    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    closed: threading.Event = field(default_factory=threading.Event)
    calls: list[tuple[Slide, ScoreSettings]] = field(default_factory=list)
    fails_with: Exception | None = None
    begun: int = 0
    thread: threading.Thread | None = None

    def __call__(
        self, slide: Slide, settings: ScoreSettings, earlier: FocusMap | None = None
    ) -> Generator[Progress[Any], None, FocusMap]:
        self.closed.clear()
        stop = threading.Event()
        decoder = threading.Thread(target=stop.wait, name="focusqc-decode-fake")
        decoder.start()
        try:
            self.thread = threading.current_thread()
            self.calls.append((slide, settings))
            yield Progress(0, 0, "finding tissue")
            focus_map = earlier or empty_map(slide, settings)
            self.begun = int((focus_map.reasons[:, 0] == Reason.SCORED).sum())
            yield Progress(self.begun, ROWS, "scoring", copied(focus_map))
            for row in range(self.begun, ROWS):
                while not self.allowed.acquire(timeout=0.005):
                    yield Progress(row, ROWS, "scoring")
                if self.fails_with is not None:
                    raise self.fails_with
                focus_map.scores[row] = np.arange(COLS) * 3 + row
                focus_map.reasons[row] = Reason.SCORED
                part = BlockUpdate(
                    row, 0, focus_map.scores[row : row + 1].copy(), focus_map.reasons[row : row + 1]
                )
                yield Progress(row + 1, ROWS, "scoring", part)
            return focus_map
        finally:
            stop.set()
            decoder.join()
            self.closed.set()

    def allow(self, rows: int = ROWS) -> None:
        if rows:
            self.allowed.release(rows)


def empty_map(slide: Slide, settings: ScoreSettings) -> FocusMap:
    mpp = settings.mpp or slide.mpp
    if mpp is None:
        raise MissingMppError("no µm/px")
    grid = TileGrid(slide.shape, 1.0, 235, 128, 0, 0, ROWS, COLS)
    source = MapSource(
        slide=slide.name,
        mpp=mpp,
        mpp_source="given" if settings.mpp else "file",
        plane=0,
        model=settings.model,
        weights={"threshold": 8.0},
        threshold=8.0,
        tissue="none",
        device="cpu",
        version="0",
        created="2026-01-01T00:00:00+00:00",
    )
    shape = (ROWS, COLS)
    return FocusMap(
        np.full(shape, np.nan, np.float32),
        np.full(shape, Reason.NOT_RUN, np.uint8),
        np.ones(shape, np.float32),
        grid,
        source,
    )


def copied(focus_map: FocusMap) -> FocusMap:
    return FocusMap(
        focus_map.scores.copy(),
        focus_map.reasons.copy(),
        focus_map.tissue.copy(),
        focus_map.grid,
        focus_map.source,
    )


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> Iterator[SteppedScore]:
    """The run of `ScoreWidget`, one row per `allow(1)`; at the end it is let go."""
    score = SteppedScore()
    monkeypatch.setattr("napari_focusqc.widgets.score_widget.score_slide", score)
    yield score
    score.allow(10 * ROWS)


@pytest.fixture
def add_slide() -> Callable[..., Any]:
    """Return `add(viewer, name="slide.svs", mpp=0.5)`, which adds a slide's layer."""

    def add(viewer: Any, name: str = "slide.svs", mpp: float | None = 0.5) -> Any:
        pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        slide = ArraySlide([pixels], mpp, name)
        return viewer.add_layer(Layer.create(*slide_layers(slide)[0]))

    return add


@dataclass
class Dock:
    """A viewer with a slide and the docked widget, as napari makes it."""

    viewer: Any
    slide_layer: Any
    dock: Any
    widget: Any

    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]


@pytest.fixture
def docked(
    make_napari_viewer: Callable[..., Any], add_slide: Callable[..., Any], qtbot: Any
) -> Callable[..., Dock]:
    """Return `make(mpp=0.5)`: the widget docked through napari's own plugin machinery."""

    def make(mpp: float | None = 0.5, show: bool = False) -> Dock:
        viewer = make_napari_viewer(show=show)
        layer = add_slide(viewer, mpp=mpp)
        dock, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
        return Dock(viewer, layer, dock, widget)

    return make
