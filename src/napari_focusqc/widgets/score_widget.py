"""The dock widget “Score focus”: from a slide's layer to a heatmap over it.

Room: widgets. Reads the form, starts one `score_slide`, shows its layers; no torch is loaded
before the first run, and then in the run's own thread.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from napari.viewer import Viewer
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_focusqc.errors import FocusQCError
from napari_focusqc.models.registry import model_card, shipped_models
from napari_focusqc.pipeline import prepare, score_slide
from napari_focusqc.plugin.slide_of_layer import slide_of_layer
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.summary import tile_count
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.widgets.dock import BUTTON_STYLE, Docked, scrolled
from napari_focusqc.widgets.form import SettingsForm
from napari_focusqc.widgets.layer_choice import SlideLayerChoice
from napari_focusqc.widgets.live_map import LiveMap
from napari_focusqc.widgets.result import ResultPanel
from napari_focusqc.widgets.run import Job, attempt
from napari_focusqc.widgets.run_panel import RunPanel
from napari_focusqc.widgets.view import region_in_view


@dataclass(frozen=True)
class Request:
    """What the form asks for, ready to run."""

    layer: Any
    slide: Slide
    settings: ScoreSettings


class ScoreWidget(Docked):
    """Choose a slide and a model, score it, watch the heatmap fill in.

    Parameters
    ----------
    viewer
        Given by napari, by the annotation.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._live: LiveMap | None = None
        self._given_mpp: dict[str, str] = {}
        self.layer_choice = SlideLayerChoice(viewer)
        self.facts = QLabel()
        self.where = QComboBox()
        models = [(card.title, card.name) for card in shipped_models()]
        self.form = SettingsForm(ScoreSettings, {"model": models})
        self.score_button = QPushButton("Score focus")
        self.continue_button = QPushButton("Continue")
        self._unfinished: tuple[Request, FocusMap] | None = None
        self.run = RunPanel()
        self.result = ResultPanel()
        self._lay_out()
        self._connect()
        self._on_slide_changed()

    def _lay_out(self) -> None:
        self.facts.setWordWrap(True)
        self.where.addItem("Whole slide", "whole")
        self.where.addItem("Visible region", "visible")
        self.where.setToolTip(
            "<qt>Score everything, or only what the canvas shows now; both lie on the same "
            "grid of tiles, so their scores are the same.</qt>"
        )
        self.form.insert(0, "Slide", self.layer_choice)
        self.form.insert(1, "", self.facts)
        self.form.insert(2, "Where", self.where)
        self.score_button.setStyleSheet(BUTTON_STYLE)
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setSpacing(8)
        self.continue_button.setToolTip("Score the tiles that the cancelled run left")
        self.continue_button.hide()
        buttons = (self.score_button, self.continue_button)
        for widget in (self.form, *buttons, self.run, self.result):
            layout.addWidget(widget)
        layout.addStretch(1)
        scrolled(column, QVBoxLayout(self))

    def _connect(self) -> None:
        self.layer_choice.changed.connect(self._on_slide_changed)
        self.layer_choice.lengths_changed.connect(self._on_slide_changed)
        self._mpp_line.textChanged.connect(self._on_mpp_typed)
        self.score_button.clicked.connect(self._on_score)
        self.continue_button.clicked.connect(self._on_continue)
        self.run.running_changed.connect(self._on_running_changed)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self.result.verdicts_wanted.connect(self._on_verdicts_wanted)

    @property
    def _mpp_line(self) -> QLineEdit:
        line: QLineEdit = self.form.widget("mpp")
        return line

    def _on_slide_changed(self) -> None:
        """Say what is known of the chosen slide, and ask for its µm/px where it is not."""
        layer = self.layer_choice.layer
        self.score_button.setEnabled(layer is not None and not self.run.running)
        self.form.put("mpp", None)
        self._mpp_line.setPlaceholderText("")
        if layer is None:
            self.facts.setText("Open a slide, or drop one on the window, to begin.")
            return
        slide = attempt(partial(slide_of_layer, layer))
        if isinstance(slide, FocusQCError):
            self.facts.setText(str(slide))
            return
        height, width = slide.shape
        known = "µm/px not known" if slide.mpp is None else f"{slide.mpp:.4g} µm/px"
        notes = "".join(f"\n{note[:1].upper()}{note[1:]}." for note in slide.info.notes)
        self.facts.setText(f"{slide.info.format}, {width:,} × {height:,} px, {known}{notes}")
        self._mpp_line.setText(self._given_mpp.get(str(layer.unique_id), ""))
        hint = "needed, for instance 0.25" if slide.mpp is None else f"{slide.mpp:.4g}, as opened"
        self._mpp_line.setPlaceholderText(hint)
        self._make_ready(slide)

    def _make_ready(self, slide: Slide) -> None:
        """Load what the first run would wait for, while the user looks at the slide."""
        settings = attempt(self.form.settings)
        if isinstance(settings, ScoreSettings):
            # what a run would be refused for, the run itself will say
            create_worker(partial(attempt, partial(prepare, slide, settings)), _start_thread=True)

    def _on_mpp_typed(self, text: str) -> None:
        """Remember the µm/px typed for this slide."""
        if self.layer_choice.layer is not None:
            self._given_mpp[str(self.layer_choice.layer.unique_id)] = text

    def _on_score(self) -> None:
        request = attempt(self._request)
        if isinstance(request, FocusQCError):
            self.run.refuse(request)
            return
        self._start(request)

    def _on_continue(self) -> None:
        if self._unfinished is not None:
            self._start(*self._unfinished)

    def _start(self, request: Request, earlier: FocusMap | None = None) -> None:
        """Score, from the beginning or from where a cancelled run got to."""
        live = LiveMap(self._viewer, request.layer, request.slide)
        started = self.run.start(
            Job(
                name=f"scoring the focus of {request.slide.name}",
                work=partial(score_slide, request.slide, request.settings, earlier=earlier),
                shown=live.show,
                done=partial(self._on_done, live, request.settings),
                stopped=live.remove,
                kept=partial(self._on_stopped, live, request),
            )
        )
        if started:
            self._live = live
            self._forget_unfinished()
            self.result.hide()

    def _on_stopped(self, live: LiveMap, request: Request) -> str | None:
        """Keep what a run got done, offer to go on, and say how much it is."""
        got = live.keep()
        if got is None or request.layer not in self._viewer.layers:
            return None
        self._unfinished = request, got
        self.continue_button.show()
        done, total = got.done
        return f"{done:,} of {tile_count(total)} are scored and kept"

    def _forget_unfinished(self) -> None:
        self._unfinished = None
        self.continue_button.hide()

    def _request(self) -> Request:
        """Read the form.

        Raises
        ------
        FocusQCError
            The layer is no slide, a value is wrong, or nothing of the slide is in view.
        """
        layer = self.layer_choice.layer
        slide = slide_of_layer(layer)
        in_view = attempt(partial(region_in_view, self._viewer, layer, slide.shape))
        if self.where.currentData() == "visible":
            if isinstance(in_view, FocusQCError):
                raise in_view
            return Request(layer, slide, self.form.settings(region=in_view))
        view = None if isinstance(in_view, FocusQCError) else in_view
        settings = self.form.settings(view=view)
        coarse = not model_card(settings.model).light and settings.quick is None
        return Request(layer, slide, replace(settings, coarse_first=coarse))

    def _on_done(self, live: LiveMap, settings: ScoreSettings, focus_map: FocusMap) -> None:
        live.finish(focus_map)
        if settings.quick is not None:
            self.run.say(f"Estimate: {estimate(focus_map).line()}.")
        self.result.show_map(focus_map, verdicts=live.shows_verdicts)

    def _on_verdicts_wanted(self, wanted: bool) -> None:
        if self._live is not None:
            self._live.show_verdicts(wanted)

    def _on_running_changed(self, running: bool) -> None:
        self.score_button.setEnabled(not running and self.layer_choice.layer is not None)
        self.continue_button.setEnabled(not running)
        self.form.setEnabled(not running)

    def _on_layer_removed(self, event: Any) -> None:
        if self._unfinished is not None and event.value == self._unfinished[0].layer:
            self._forget_unfinished()
        if self.run.running and self._live is not None and self._live.rests_on(event.value):
            self.run.cancel()

    def let_go(self) -> None:
        """Stop the run and hear no more of the viewer."""
        self.run.abandon()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.layer_choice.let_go()
