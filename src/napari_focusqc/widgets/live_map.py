"""The layers of one run: the heatmap while it fills in, and the verdicts at the end.

Room: widgets. The only code that adds, changes or removes layers in the viewer.
"""

from collections.abc import Iterator
from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer

from napari_focusqc.plugin.layers import fill_block, heatmap_layer, map_layers
from napari_focusqc.plugin.placing import LayerData, fill_again, lying_on, ours
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap
from napari_focusqc.results.scale import score_limits
from napari_focusqc.slides.slide import Slide
from napari_focusqc.widgets.micrometres import leave_pixels

_KEPT = ("opacity", "blending", "visible")
_KEPT_OF_HEATMAP = ("colormap", "gamma", "interpolation2d")


class LiveMap:
    """What a run draws over its slide's layer.

    A run on a slide and with a model that were run before takes the place of the earlier layers
    once it is finished, and their look; a run that did not finish brings them back.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    slide_layer
        The layer that is scored.
    slide
        The slide behind it.
    """

    def __init__(self, viewer: Viewer, slide_layer: Any, slide: Slide) -> None:
        self._viewer = viewer
        self._slide_layer = slide_layer
        self._slide = slide
        self._map: FocusMap | None = None
        self._heatmap: Any = None
        self._verdicts: Any = None
        self._earlier: dict[str, tuple[Any, bool]] = {}

    def rests_on(self, layer: Any) -> bool:
        """Say whether the run makes no sense without this layer."""
        return bool(layer == self._slide_layer or layer == self._heatmap)

    def show(self, updates: list[FocusMap | BlockUpdate]) -> None:
        """Draw what has come: first the empty map, then its blocks."""
        for update in updates:
            if isinstance(update, FocusMap):
                self._map = update
                self._begin(update)
                continue
            if self._map is not None:
                self._map.put(update)
            if self._stands(self._heatmap):
                fill_block(self._heatmap.data, update)
        if self._stands(self._heatmap):
            self._heatmap.refresh(extent=False, thumbnail=False)

    def finish(self, focus_map: FocusMap) -> None:
        """Put the finished layers in the place of the live one and of any earlier ones."""
        if not self._stands(self._heatmap) or not self._stands(self._slide_layer):
            return
        heatmap, verdicts = map_layers(focus_map, self._slide_layer)
        fill_again(self._heatmap, heatmap)
        self._verdicts = self._add(verdicts)
        for kind, layer, name in (
            ("heatmap", self._heatmap, heatmap[1]["name"]),
            ("verdict", self._verdicts, verdicts[1]["name"]),
        ):
            self._replace_earlier(kind, layer)
            layer.name = name
        self._viewer.layers.selection.active = self._heatmap

    @property
    def shows_verdicts(self) -> bool:
        """Whether the verdicts are visible now."""
        return self._stands(self._verdicts) and bool(self._verdicts.visible)

    def show_verdicts(self, wanted: bool) -> None:
        """Show the verdicts and hide the scores, or the other way round."""
        for layer, visible in ((self._verdicts, wanted), (self._heatmap, not wanted)):
            if self._stands(layer):
                layer.visible = visible

    def keep(self) -> FocusMap | None:
        """Stay as far as the run got, unless that would take the place of earlier layers.

        Returns
        -------
        The map as far as it got; None where nothing was scored, and then nothing stays.
        """
        got = None if self._map is None or not self._map.done[0] else self._map
        if got is None or self._earlier or not self._stands(self._heatmap):
            self.remove()
        else:
            self.finish(got)
        return got

    def remove(self) -> None:
        """Take away what was drawn and bring the earlier layers back."""
        if self._stands(self._heatmap):
            self._viewer.layers.remove(self._heatmap)
        for layer, visible in self._earlier.values():
            if self._stands(layer):
                layer.visible = visible
        self._earlier = {}

    def _stands(self, layer: Any) -> bool:
        return layer is not None and layer in self._viewer.layers

    def _begin(self, focus_map: FocusMap) -> None:
        """Add the empty heatmap; hide the layers it will replace."""
        if not self._stands(self._slide_layer):
            return
        leave_pixels(self._viewer, self._slide_layer, self._slide, focus_map.source.mpp)
        for kind, layer in self._layers_of_earlier_run(focus_map):
            self._earlier[kind] = (layer, bool(layer.visible))
            layer.visible = False
        self._heatmap = self._add(heatmap_layer(focus_map, self._slide_layer))
        self._heatmap.colorbar.visible = True

    def _add(self, layer_data: LayerData) -> Any:
        return self._viewer.add_layer(Layer.create(*layer_data))

    def _layers_of_earlier_run(self, focus_map: FocusMap) -> Iterator[tuple[str, Any]]:
        """Find the heatmap and verdicts of this slide's layer and this model."""
        for layer in lying_on(self._viewer.layers, self._slide_layer):
            facts = ours(layer)
            if "map" in facts and facts["map"].source.model == focus_map.source.model:
                yield facts["layer"], layer

    def _replace_earlier(self, kind: str, layer: Any) -> None:
        """Give a new layer the look of the one it replaces, and remove that one."""
        if kind not in self._earlier:
            return
        earlier, visible = self._earlier.pop(kind)
        if not self._stands(earlier):
            return
        earlier.visible = visible
        for name in _KEPT + (_KEPT_OF_HEATMAP if kind == "heatmap" else ()):
            setattr(layer, name, getattr(earlier, name))
        if kind == "heatmap":
            by_itself = score_limits(ours(earlier)["map"])
            if tuple(earlier.contrast_limits) != by_itself:
                layer.contrast_limits = earlier.contrast_limits
        self._viewer.layers.remove(earlier)
