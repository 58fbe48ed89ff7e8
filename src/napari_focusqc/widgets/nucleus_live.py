"""The points of one run while it goes on.

Room: widgets. Adds the points' layer, and removes the one whose place it takes.
"""

from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer

from napari_focusqc.plugin.nucleus_layers import nucleus_features, nucleus_layer
from napari_focusqc.plugin.placing import lying_on, ours
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.slides.slide import Slide
from napari_focusqc.widgets.micrometres import leave_pixels

GROWN = 1.1
"""Points are drawn anew once there are so many times as many: all drawings of a run together then
take as long as eleven of all its points, however many they are."""


class LiveNuclei:
    """What a run has found so far, over its slide's layer.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    slide_layer
        The layer that is searched.
    slide
        The slide behind it.
    least
        Nuclei with a lower peak are kept, and have no point yet.
    """

    def __init__(self, viewer: Viewer, slide_layer: Any, slide: Slide, least: float) -> None:
        self.slide_layer, self.slide, self.least = slide_layer, slide, least
        self.layer: Any = None
        self._viewer = viewer
        self._pieces: list[NucleusTable] = []
        self._drawn = self._found = 0
        self._earlier: list[tuple[Any, bool]] = []

    @property
    def stands(self) -> bool:
        """Whether the points and their slide are in the viewer."""
        return self.layer in self._viewer.layers and self.slide_layer in self._viewer.layers

    def rests_on(self, layer: Any) -> bool:
        """Say whether the run makes no sense without this layer."""
        return bool(layer == self.slide_layer or layer == self.layer)

    def show(self, pieces: list[NucleusTable]) -> None:
        """Draw what has come, once it is worth it."""
        self._pieces += pieces
        self._found += sum(map(len, pieces))
        if self.layer is None and self.slide_layer in self._viewer.layers:
            self._begin(pieces[0])
        if self.stands and self._found > GROWN * self._drawn:
            self._draw(self._so_far())

    def finish(self, found: NucleusTable) -> Any:
        """Show all of it, in the place of earlier points that nobody corrected.

        Returns
        -------
        The layer, or None where the user removed it or the slide.
        """
        if self.layer is None and self.slide_layer in self._viewer.layers:
            self._begin(found)
        if not self.stands:
            return None
        self._draw(found)
        for layer, visible in self._earlier:
            if layer in self._viewer.layers and not ours(layer).get("corrected"):
                self._viewer.layers.remove(layer)
                self.layer.visible = visible
        self._earlier = []
        self.layer.name = f"{found.source.slide} · nuclei"
        self._viewer.layers.selection.active = self.layer
        return self.layer

    def keep(self) -> NucleusTable | None:
        """Return what was found so far; None where it is nothing, and then nothing stays."""
        if self._found and self.stands:
            return self._so_far()
        self.remove()
        return None

    def remove(self) -> None:
        """Take away what was drawn and bring the earlier points back."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        for layer, visible in self._earlier:
            if layer in self._viewer.layers:
                layer.visible = visible
        self._earlier = []

    def _so_far(self) -> NucleusTable:
        source = self._pieces[0].source.over(piece.source for piece in self._pieces)
        return NucleusTable.together(self._pieces, source)

    def _begin(self, first: NucleusTable) -> None:
        """Add the layer without points; hide the points it will replace."""
        leave_pixels(self._viewer, self.slide_layer, self.slide, first.source.mpp)
        for layer in lying_on(self._viewer.layers, self.slide_layer):
            if ours(layer)["layer"] == "nuclei":
                self._earlier.append((layer, bool(layer.visible)))
                layer.visible = False
        empty = nucleus_layer(first.only(slice(0)), self.slide_layer)
        self.layer = self._viewer.add_layer(Layer.create(*empty))

    def _draw(self, nuclei: NucleusTable) -> None:
        """Give the layer the points there are."""
        self._drawn = len(nuclei)
        seen = nuclei.at_least(self.least)
        self.layer.data = seen.centres
        self.layer.features = nucleus_features(seen)
