"""A slide's layer brought into µm, with what lies on it and the view.

Room: widgets. Which numbers go where is decided in `plugin.opened`.
"""

from typing import Any

from napari.viewer import Viewer

from napari_focusqc.plugin.opened import check_company, give_lengths, in_pixels
from napari_focusqc.plugin.placing import lay_again
from napari_focusqc.slides.slide import Slide


def give_micrometres(
    viewer: Viewer, layer: Any, mpp: float | None, z_step_um: float | None = None
) -> None:
    """Give a slide's layer the lengths that the user knows; what is in view stays in view.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    layer
        Of a slide, whoever opened it.
    mpp, z_step_um
        As in `plugin.opened.give_lengths`.

    Raises
    ------
    FocusQCError
        See `check_company` and `give_lengths`; nothing is changed then.
    """
    check_company(viewer.layers, layer)
    shift, scale, unit = layer.translate[-2:], layer.scale[-2:], layer.units[-1]
    plain = _drawn_in_its_units(viewer, layer)
    pixels = in_pixels(layer)
    give_lengths(layer, mpp, z_step_um)
    lay_again(viewer.layers, layer)
    if not (plain and _drawn_in_its_units(viewer, layer) and (pixels or unit == layer.units[-1])):
        viewer.reset_view()
        return
    grown = abs(float(layer.scale[-1] / scale[-1]))
    camera = viewer.scene.camera
    centre = [
        float(new + (at - old) * grown)
        for at, old, new in zip(camera.center[-2:], shift, layer.translate[-2:], strict=True)
    ]
    camera.center = (camera.center[0], *centre)
    camera.zoom = camera.zoom / grown


def leave_pixels(viewer: Viewer, layer: Any, slide: Slide, mpp: float) -> None:
    """Bring a slide that lay in pixels into µm, now that the user gave the µm/px for a run.

    Only where no other layer lies in pixels, which would be left behind; the view stays.

    Parameters
    ----------
    viewer, layer
        As in `give_micrometres`.
    slide
        The slide behind the layer.
    mpp
        Micrometres per pixel of level 0.
    """
    company = [other for other in viewer.layers if in_pixels(other)]
    ndim = 2 if len(slide.z_um) == 1 else 3
    if company == [layer] and not any(layer.translate) and layer.ndim == ndim:
        give_micrometres(viewer, layer, mpp)


def _drawn_in_its_units(viewer: Viewer, layer: Any) -> bool:
    """Say whether a layer's numbers are the world's: the world takes the finest of all units."""
    world = viewer.layers.extent.units
    return world is None or bool(world[-1] == layer.units[-1])
