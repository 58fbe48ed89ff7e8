"""The part of a slide that a napari viewer shows now.

Room: widgets. Reads the viewer's public attributes; the geometry is in `plugin.view`.
"""

from typing import Any

from napari.viewer import Viewer

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.slide_of_layer import micrometres
from napari_focusqc.plugin.view import canvas_corners, visible_region


def region_in_view(viewer: Viewer, layer: Any, shape: tuple[int, int]) -> Region:
    """Return the level-0 pixels of a slide's layer that can be seen.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    layer
        The slide's layer.
    shape
        (height, width) of the slide's level 0, px.

    Raises
    ------
    RegionError
        Nothing of the slide is in view, or the viewer shows no plane of it.
    """
    vertical, horizontal = _displayed_axes(viewer, layer)
    camera = viewer.scene.camera
    centre = (camera.center[-2], camera.center[-1])
    corners = []
    for y, x in canvas_corners(centre, camera.zoom, viewer.canvas.viewbox_size(viewer.layers)):
        world = list(viewer.dims.point)
        world[vertical], world[horizontal] = float(y), float(x)
        corners.append(layer.world_to_data(_in_layer_units(viewer, layer, world))[-2:])
    return visible_region(corners, shape, layer.name)


def _displayed_axes(viewer: Viewer, layer: Any) -> tuple[int, int]:
    """Return the world axes that run down and across the canvas.

    Raises
    ------
    RegionError
        The viewer shows the slide in 3D, or from its side.
    """
    if viewer.dims.ndisplay != 2:
        raise RegionError(
            "the viewer shows three dimensions, where no region is visible as a rectangle; "
            "switch it to 2D, or choose the whole slide"
        )
    vertical, horizontal = viewer.dims.displayed
    if {vertical, horizontal} != {viewer.dims.ndim - 2, viewer.dims.ndim - 1}:
        raise RegionError(
            f"the viewer shows “{layer.name}” from its side; roll its axes back so that y and x "
            "are shown, or choose the whole slide"
        )
    return vertical, horizontal


def _in_layer_units(viewer: Viewer, layer: Any, world: list[float]) -> list[float]:
    """Turn a world point into the layer's own units; the world takes the finest of all layers."""
    units = viewer.layers.extent.units
    if units is None:
        return world
    own = [1.0] * (len(world) - layer.ndim)
    for world_unit, layer_unit in zip(units[-layer.ndim :], layer.units, strict=True):
        here, there = micrometres(world_unit), micrometres(layer_unit)
        own.append(1.0 if here is None or there is None else here / there)
    return [value * factor for value, factor in zip(world, own, strict=True)]
