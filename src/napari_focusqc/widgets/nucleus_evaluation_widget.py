"""The dock widget “Evaluate nuclei”: found points beside true ones, and every error to look at.

Room: widgets. Reads the form, starts one comparison, shows its points and its list.
"""

from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtWidgets import QPushButton, QVBoxLayout

from napari_focusqc.errors import FocusQCError, SettingsError
from napari_focusqc.evaluation.nucleus_comparison import Comparison
from napari_focusqc.plugin.nucleus_comparison import (
    Asked,
    asked,
    compared,
    comparison_layer,
    comparison_points,
    ring_layer,
)
from napari_focusqc.plugin.placing import LayerData, fill_again
from napari_focusqc.plugin.slide_of_layer import micrometres
from napari_focusqc.settings.measuring import CompareNuclei
from napari_focusqc.widgets.dock import BUTTON_STYLE, Docked, scrolled
from napari_focusqc.widgets.form import SettingsForm
from napari_focusqc.widgets.nucleus_comparison_view import ComparisonView
from napari_focusqc.widgets.nucleus_error_list import ErrorList
from napari_focusqc.widgets.points_choice import PointsChoice
from napari_focusqc.widgets.radius_choice import RadiusChoice
from napari_focusqc.widgets.run import Job, attempt
from napari_focusqc.widgets.run_panel import RunPanel

CLOSE_UP = 8.0
"""Canvas px per µm, at least, when an error is looked at: twice the px of 40x."""


class NucleusEvaluationWidget(Docked):
    """Choose found and true nuclei, compare them, click through the errors.

    Parameters
    ----------
    viewer
        Given by napari, by the annotation.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers: dict[str, Any] = {}
        self.found, self.truth = PointsChoice(viewer), PointsChoice(viewer, "A file …")
        self.radius, self.form = RadiusChoice(), SettingsForm(CompareNuclei)
        self.evaluate_button = QPushButton("Evaluate")
        self.run, self.view, self.errors = RunPanel(), ComparisonView(), ErrorList()
        self._lay_out()
        self._connect()
        self._on_chosen()

    def _lay_out(self) -> None:
        self.found.setToolTip("The nuclei to be judged, such as those of “Find nuclei”")
        self.truth.setToolTip("<qt>The true nuclei: points that somebody set, or a file.</qt>")
        self.form.insert(0, "Found nuclei", self.found)
        self.form.insert(1, "True nuclei", self.truth)
        self.form.insert(3, "Radius, px at 40x", self.radius)
        self.evaluate_button.setStyleSheet(BUTTON_STYLE)
        self.run.cancel_button.setToolTip("Stop; nothing is shown then")
        self.errors.hide()
        parts = (self.form, self.evaluate_button, self.run, self.view, self.errors)
        scrolled(parts, QVBoxLayout(self))

    def _connect(self) -> None:
        for choice in (self.found, self.truth):
            choice.changed.connect(self._on_chosen)
        self.evaluate_button.clicked.connect(self._on_evaluate)
        self.run.running_changed.connect(lambda _: self._on_chosen())
        self.errors.looked_at.connect(self._look_at)

    def _on_chosen(self) -> None:
        """Offer only what can be done."""
        self.form.widget("truth").setEnabled(self.truth.layer is None)
        self.evaluate_button.setEnabled(self.found.layer is not None and not self.run.running)

    def _on_evaluate(self) -> None:
        work = attempt(self._asked)
        if isinstance(work, FocusQCError):
            self.run.refuse(work)
            return
        name = self.found.layer.name
        self.run.start(
            Job(
                name=f"evaluating {name}",
                work=partial(compared, work, self.radius.radius_px),
                done=partial(self._on_done, name),
            )
        )

    def _asked(self) -> Asked:
        """Read the form.

        Raises
        ------
        FocusQCError
            Something is missing, the same twice, or without µm.
        """
        truth: Any = self.truth.layer
        if truth is None:
            truth = self.form.settings().truth
            if not isinstance(truth, Path):
                raise SettingsError("no true nuclei are chosen; choose a points layer or a file")
        elif truth == self.found.layer:
            raise SettingsError(
                f"“{truth.name}” is both found and true; choose two layers, or a file"
            )
        return asked(self.found.layer, truth)

    def _on_done(self, name: str, comparison: Comparison) -> None:
        for kind, points in comparison_points(comparison).items():
            self._lay(kind, comparison_layer(kind, points, name))
        self.view.show_comparison(comparison)
        self.errors.show_errors(comparison.errors)
        self.errors.setVisible(len(comparison.errors) > 0)

    def _lay(self, kind: str, data: LayerData) -> None:
        """Show points in their layer; one that the user took away is made again."""
        layer = self._layers.get(kind)
        if layer is not None and layer in self._viewer.layers:
            fill_again(layer, data)
            return
        active = self._viewer.layers.selection.active
        self._layers[kind] = self._viewer.add_layer(Layer.create(*data))
        self._viewer.layers.selection.active = active

    def _look_at(self, y_um: float, x_um: float) -> None:
        """Bring an error into the middle of the canvas, large enough, with a ring around it."""
        self._lay("ring", ring_layer((y_um, x_um)))
        unit = micrometres(self._viewer.layers.extent.units[-1]) or 1.0
        camera = self._viewer.scene.camera
        camera.center = (camera.center[0], y_um / unit, x_um / unit)
        camera.zoom = max(camera.zoom, CLOSE_UP * unit)

    def let_go(self) -> None:
        """Stop the run and hear no more of the viewer."""
        self.run.abandon()
        self.found.let_go()
        self.truth.let_go()
