"""The dock widget “Score focus”: from a slide's layer to a heatmap over it.

Room: widgets. Reads the form, starts one `score_slide`, shows its layers; no torch is loaded
before the first run, and then in the run's own thread.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from napari.viewer import Viewer
from qtpy.QtWidgets import QPushButton, QVBoxLayout

from napari_focusqc.errors import FocusQCError
from napari_focusqc.models.registry import model_card, shipped_models
from napari_focusqc.pipeline import prepare, score_slide
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.summary import tile_count
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.widgets.dock import BUTTON_STYLE, Docked, scrolled
from napari_focusqc.widgets.live_map import LiveMap
from napari_focusqc.widgets.result import ResultPanel
from napari_focusqc.widgets.run import Job, attempt
from napari_focusqc.widgets.run_panel import RunPanel
from napari_focusqc.widgets.slide_form import Request, SlideForm

Asked = Request[ScoreSettings]


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
        models = [(card.title, card.name) for card in shipped_models()]
        self.form = SlideForm(viewer, ScoreSettings, {"model": models})
        self.score_button = QPushButton("Score focus")
        self.continue_button = QPushButton("Continue")
        self._unfinished: tuple[Asked, FocusMap] | None = None
        self.run = RunPanel()
        self.result = ResultPanel()
        self._lay_out()
        self._connect()
        self._on_slide_changed()

    def _lay_out(self) -> None:
        self.score_button.setStyleSheet(BUTTON_STYLE)
        self.continue_button.setToolTip("Score the tiles that the cancelled run left")
        self.continue_button.hide()
        buttons = (self.score_button, self.continue_button)
        scrolled((self.form, *buttons, self.run, self.result), QVBoxLayout(self))

    def _connect(self) -> None:
        self.form.slide_changed.connect(self._on_slide_changed)
        self.score_button.clicked.connect(self._on_score)
        self.continue_button.clicked.connect(self._on_continue)
        self.run.running_changed.connect(self._on_running_changed)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self.result.verdicts_wanted.connect(self._on_verdicts_wanted)

    def _on_slide_changed(self) -> None:
        """Load what the first run would wait for, while the user looks at the slide."""
        self._on_running_changed(self.run.running)
        request = attempt(self.form.request)
        if isinstance(request, Request):
            # what a run would be refused for, the run itself will say
            ready = partial(prepare, request.slide, request.settings)
            create_worker(partial(attempt, ready), _start_thread=True)

    def _on_score(self) -> None:
        request = attempt(self._request)
        if isinstance(request, FocusQCError):
            self.run.refuse(request)
            return
        self._start(request)

    def _on_continue(self) -> None:
        if self._unfinished is not None:
            self._start(*self._unfinished)

    def _start(self, request: Asked, earlier: FocusMap | None = None) -> None:
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

    def _on_stopped(self, live: LiveMap, request: Asked) -> str | None:
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

    def _request(self) -> Asked:
        """Read the form; what is in view is scored first, and by slow models coarsely.

        Raises
        ------
        FocusQCError
            See `SlideForm.request`.
        """
        request = self.form.request()
        settings = request.settings
        if settings.region is not None:
            return request
        in_view = attempt(partial(self.form.in_view, request.layer, request.slide))
        view = None if isinstance(in_view, FocusQCError) else in_view
        coarse = not model_card(settings.model).light and settings.quick is None
        return replace(request, settings=replace(settings, view=view, coarse_first=coarse))

    def _on_done(self, live: LiveMap, settings: ScoreSettings, focus_map: FocusMap) -> None:
        live.finish(focus_map)
        if settings.quick is not None:
            self.run.say(f"Estimate: {estimate(focus_map).line()}.")
        self.result.show_map(focus_map, verdicts=live.shows_verdicts)

    def _on_verdicts_wanted(self, wanted: bool) -> None:
        if self._live is not None:
            self._live.show_verdicts(wanted)

    def _on_running_changed(self, running: bool) -> None:
        self.score_button.setEnabled(not running and self.form.layer_choice.layer is not None)
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
        self.form.let_go()
