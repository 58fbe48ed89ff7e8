"""The dock widget “Find nuclei”: from a slide's layer to points that can be corrected.

Room: widgets. Reads the form, starts one piece of long work at a time; no torch is loaded before
the first run, and then in the run's own thread.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.viewer import Viewer
from qtpy.QtWidgets import QPushButton, QVBoxLayout

from napari_focusqc.errors import FocusQCError
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.registry import find_weights, shipped_models
from napari_focusqc.pipeline import find_nuclei
from napari_focusqc.pipeline.proximity import proximity_map
from napari_focusqc.plugin.nucleus_layers import proximity_layer
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.results.slide_values import SlideValues
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.widgets.dock import BUTTON_STYLE, Docked, scrolled
from napari_focusqc.widgets.nucleus_exports import exported
from napari_focusqc.widgets.nucleus_live import LiveNuclei
from napari_focusqc.widgets.nucleus_points import NucleusPoints
from napari_focusqc.widgets.nucleus_result import NucleusResult
from napari_focusqc.widgets.nucleus_reviewing import tuned
from napari_focusqc.widgets.run import Job, attempt
from napari_focusqc.widgets.run_panel import RunPanel
from napari_focusqc.widgets.slide_form import Request, SlideForm

FLOOR = 0.1
"""Peaks from here on are kept, so that the threshold can be lowered without another run; a half of
all below the usual thresholds."""


class NucleusWidget(Docked):
    """Choose a slide and a model, find its nuclei, choose the threshold, correct.

    Parameters
    ----------
    viewer
        Given by napari, by the annotation.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._live: LiveNuclei | None = None
        self._request: Request[NucleusSettings] | None = None
        models = shipped_models("nuclei") or [c for c in CARDS.values() if c.finds == "nuclei"]
        choices = {"model": [(card.title, card.name) for card in models]}
        # the slider chooses the least peak, and a run keeps those below it, too
        self.form = SlideForm(viewer, NucleusSettings, choices, without=("least",))
        self.find_button = QPushButton("Find nuclei")
        self.run = RunPanel()
        self.run.cancel_button.setToolTip("Stop; what is found already is kept")
        self.result = NucleusResult(viewer)
        self._lay_out()
        self._connect()
        self._on_slide_changed()

    def _lay_out(self) -> None:
        self.find_button.setStyleSheet(BUTTON_STYLE)
        self.find_button.setToolTip("Find every nucleus of the slide, or of the visible region")
        scrolled((self.form, self.find_button, self.run, self.result), QVBoxLayout(self))

    def _connect(self) -> None:
        self.form.slide_changed.connect(self._on_slide_changed)
        self.find_button.clicked.connect(self._on_find)
        self.run.running_changed.connect(self._on_running_changed)
        self.result.proximity_wanted.connect(self._on_proximity)
        self.result.export_button.wanted.connect(self._on_export)
        review = self.result.reviewing
        review.review_button.clicked.connect(lambda: self._on_view(review.review))
        review.forget_button.clicked.connect(lambda: self._on_view(review.forget))
        review.tune_wanted.connect(self._on_tune)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)

    def let_go(self) -> None:
        """Stop the run and hear no more of the viewer."""
        self.run.abandon()
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.result.let_go()
        self.form.let_go()

    def _on_find(self) -> None:
        request = attempt(self.form.request)
        if isinstance(request, FocusQCError):
            self.run.refuse(request)
            return
        start = attempt(partial(_threshold, request))
        if isinstance(start, FocusQCError):
            self.run.refuse(start)
            return
        floor = min(FLOOR, start)
        settings = replace(request.settings, least=floor)
        live = LiveNuclei(self._viewer, request.layer, request.slide, start)
        started = self.run.start(
            Job(
                name=f"finding the nuclei of {request.slide.name}",
                work=partial(find_nuclei, request.slide, settings),
                shown=live.show,
                done=partial(self._on_done, live, request),
                stopped=live.remove,
                kept=partial(self._on_stopped, live, request),
            )
        )
        if started:
            self._live = live
            self.result.forget()

    def _on_done(
        self, live: LiveNuclei, request: Request[NucleusSettings], found: NucleusTable
    ) -> None:
        layer = live.finish(found)
        self._live = None
        if layer is None:
            return
        self._request = request
        points = NucleusPoints(request.slide, layer, found, live.least)
        region = request.settings.region
        said = attempt(partial(self.result.show_points, points, request.layer, region))
        if isinstance(said, FocusQCError):
            self.run.refuse(said)

    def _on_stopped(self, live: LiveNuclei, request: Request[NucleusSettings]) -> str | None:
        """Keep what a run found, and say how much it is."""
        found = live.keep()
        if found is None:
            return None
        self._on_done(live, request, found)
        return f"the {len(found.at_least(live.least)):,} nuclei found so far are kept"

    def _on_proximity(self) -> None:
        """Draw the proximity map of the view, with the model and weights of the points."""
        points, request = self.result.points, self._request
        if points is None or request is None:
            return
        view = attempt(partial(self.form.in_view, request.layer, request.slide))
        if isinstance(view, FocusQCError):
            self.run.refuse(view)
            return
        settings = replace(request.settings, region=view, least=points.found.source.least)

        def shown(found: SlideValues) -> None:
            if request.layer in self._viewer.layers:
                self.result.show_picture(proximity_layer(found, request.slide.name, request.layer))

        self._start(
            "drawing a proximity map", partial(proximity_map, request.slide, settings), shown
        )

    def _on_export(self, path: str) -> None:
        if self.result.points is not None:
            nuclei = self.result.points.chosen
            self._start(
                "writing nuclei",
                partial(exported, nuclei, Path(path)),
                lambda written: self.run.say(f"Wrote {len(nuclei):,} nuclei to {written}."),
            )

    def _on_view(self, asked: Any) -> None:
        """Do something with the view, or say why not."""
        if self._request is None:
            return
        request = self._request
        view = attempt(partial(self.form.in_view, request.layer, request.slide))
        said = view if isinstance(view, FocusQCError) else attempt(partial(asked, view))
        if isinstance(said, FocusQCError):
            self.run.refuse(said)

    def _on_tune(self) -> None:
        """Train further on the reviewed views."""
        reviewing, request = self.result.reviewing, self._request
        if reviewing.reviewed is None or request is None:
            return
        settings = attempt(partial(reviewing.tuning, request.settings))
        if isinstance(settings, FocusQCError):
            self.run.refuse(settings)
            return
        work = partial(tuned, request.slide, reviewing.reviewed, settings)
        self._start("fine-tuning", work, self._on_tuned)

    def _on_tuned(self, outcome: Any) -> None:
        """Say what came of it, and choose the new weights for the next run if they are better."""
        if outcome.worse:
            self.run.say(f"{outcome.verdict}. The new ones are kept as “{outcome.name}”.")
            return
        self.form.put("weights", outcome.path)
        self.run.say(f"{outcome.verdict}. “{outcome.name}” is chosen as the weights file above.")

    def _start(self, name: str, work: Any, done: Any) -> None:
        """Start work without partial results."""
        self.run.start(Job(name, work, done=done))

    def _on_slide_changed(self) -> None:
        self._on_running_changed(self.run.running)

    def _on_running_changed(self, running: bool) -> None:
        self.find_button.setEnabled(not running and self.form.layer_choice.layer is not None)
        self.form.setEnabled(not running)
        result = self.result
        for widget in (result.proximity_button, result.export_button, result.reviewing):
            widget.setEnabled(not running)

    def _on_layer_removed(self, event: Any) -> None:
        if self.run.running and self._live is not None and self._live.rests_on(event.value):
            self.run.cancel()
        points, request = self.result.points, self._request
        gone = (points and points.layer, request and request.layer)
        if points is not None and event.value in gone:
            self.result.forget()


def _threshold(request: Request[NucleusSettings]) -> float:
    """Return the peak where the slider begins: the threshold measured with the weights.

    Raises
    ------
    FocusQCError
        See `find_weights`.
    """
    settings, mpp = request.settings, request.settings.mpp or request.slide.mpp
    if mpp is None:  # which the run will say
        return FLOOR
    card = find_weights(settings.model, mpp, settings.weights, "nuclei").card
    return FLOOR if card.threshold is None else card.threshold
