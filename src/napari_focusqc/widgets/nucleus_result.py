"""All that can be done with the nuclei of a run: threshold, focus, figures, pictures, corrections.

Room: widgets. Puts the parts together; long work is asked of the dock.
"""

from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_focusqc.geometry import Region
from napari_focusqc.plugin.nucleus_layers import density_layer
from napari_focusqc.plugin.placing import LayerData, fill_again
from napari_focusqc.results.density import SQUARE_UM, density, peak_histogram
from napari_focusqc.results.nucleus_counts import NucleusCounts
from napari_focusqc.widgets.nucleus_corrections import CorrectionButtons
from napari_focusqc.widgets.nucleus_exports import ExportButton
from napari_focusqc.widgets.nucleus_figures import FocusChoice, NucleusFigures
from napari_focusqc.widgets.nucleus_points import NucleusPoints
from napari_focusqc.widgets.nucleus_reviewing import ReviewPanel
from napari_focusqc.widgets.nucleus_threshold import BINS, PeakThreshold


class NucleusResult(QWidget):
    """The part of the dock below “Find nuclei”, there once something was found.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    parent
        Qt's owner.
    """

    proximity_wanted = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._on: Any = None
        self._searched: Region | None = None
        self._pictures: dict[str, Any] = {}
        self.points: NucleusPoints | None = None
        self.threshold, self.figures = PeakThreshold(), NucleusFigures()
        self.focus = FocusChoice(viewer)
        self.corrections, self.reviewing = CorrectionButtons(viewer), ReviewPanel(viewer)
        self.export_button = ExportButton()
        self.density_button = QPushButton("Density")
        self.proximity_button = QPushButton("Proximity map")
        self._lay_out()
        self.threshold.changed.connect(self._on_threshold)
        self.focus.changed.connect(self._on_focus)
        self.density_button.clicked.connect(self._on_density)
        self.proximity_button.clicked.connect(self.proximity_wanted)
        self.hide()

    def _lay_out(self) -> None:
        self.density_button.setToolTip(
            f"<qt>Draw the nuclei at the threshold above as their number per mm² in squares of "
            f"{SQUARE_UM:g} µm.</qt>"
        )
        self.proximity_button.setToolTip(
            "<qt>Draw what the network sees in the visible region: how near each pixel is to the "
            "centre of a nucleus; its peaks are the points. Zoom in first.</qt>"
        )
        pictures = QWidget()
        row = QHBoxLayout(pictures)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.density_button, self.proximity_button, self.export_button):
            row.addWidget(button)
        parts = (self.threshold, self.figures, self.focus, pictures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (*parts, self.corrections, self.reviewing):
            layout.addWidget(widget)

    def show_points(self, points: NucleusPoints, on: Any, searched: Region | None) -> None:
        """Show another run.

        Parameters
        ----------
        points
            Its nuclei.
        on
            The slide's layer.
        searched
            Where they were looked for, level-0 px; None is everywhere.

        Raises
        ------
        FocusQCError
            See `ReviewPanel.begin`; all else is shown then.
        """
        self.forget()
        self.points, self._on, self._searched = points, on, searched
        found = points.found
        low = min(found.source.least, 1.0)
        self.threshold.begin(peak_histogram(found, BINS), low, points.least)
        points.changed.connect(self._on_changed)
        self.corrections.begin(points)
        self.focus.begin(found.source)
        self._on_focus()
        self.show()
        self.reviewing.begin(points, on, searched)

    def forget(self) -> None:
        """Let the points of the run go, and show nothing."""
        self.hide()
        self.corrections.let_go()
        if self.points is not None:
            points, self.points = self.points, None
            points.changed.disconnect(self._on_changed)
            points.let_go()

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        self.forget()
        self.focus.let_go()

    def show_picture(self, picture: LayerData) -> None:
        """Show a picture below the points; one of its name gets other values."""
        name = picture[1]["name"]
        layer = self._pictures.get(name)
        if layer is not None and layer in self._viewer.layers:
            fill_again(layer, picture)
            layer.visible = True
            return
        active = self._viewer.layers.selection.active
        layer = self._viewer.add_layer(Layer.create(*picture))
        layer.colorbar.visible = True
        self._pictures[name] = layer
        if self.points is not None and self.points.layer in self._viewer.layers:
            layers = self._viewer.layers
            layers.move(layers.index(layer), layers.index(self.points.layer))
        self._viewer.layers.selection.active = active

    def _on_threshold(self, value: float) -> None:
        if self.points is not None:
            self.points.set_least(value)

    def _on_focus(self) -> None:
        if self.points is not None:
            self.points.set_focus(self.focus.focus_map, self.focus.rule)

    def _on_changed(self) -> None:
        """Count anew."""
        if self.points is None:
            return
        self.figures.show_counts(NucleusCounts.of(self.points.chosen))
        corrected = ".corrected" if len(self.points.corrections) else ""
        self.export_button.stem = self.points.found.source.slide + corrected

    def _on_density(self) -> None:
        if self.points is None:
            return
        region = self._searched or Region(0, 0, *self.points.slide.shape)
        found = density(self.points.chosen, region)
        self.show_picture(density_layer(found, self.points.found.source.slide, self._on))
