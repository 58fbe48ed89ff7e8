"""What a slide says of itself, in words.

Room: slides. Decodes nothing.
"""

from napari_focusqc.slides.slide import Slide


def facts(slide: Slide) -> list[tuple[str, str]]:
    """Return what a user wants to know of a slide, as label and value.

    Parameters
    ----------
    slide
        Open.
    """
    info = slide.info
    height, width = slide.shape
    heights = ", ".join(f"{z:g}" for z in slide.z_um)
    return [
        ("name", slide.name),
        ("format", info.format),
        ("read by", info.reader),
        ("compression", info.compression or "unknown"),
        ("vendor", info.vendor or "unknown"),
        ("objective", "unknown" if info.objective is None else f"{info.objective:g}x"),
        ("size", f"{width} × {height} px"),
        ("levels", ", ".join(f"{w} × {h}" for h, w in slide.level_shapes)),
        ("µm per pixel", _resolution(slide)),
        ("planes", f"{len(slide.z_um)} (z = {heights} µm)" if len(slide.z_um) > 1 else "1"),
    ]


def _resolution(slide: Slide) -> str:
    """Say the µm/px and where it is from, or how to give it."""
    if slide.mpp is None:
        return "not in the file; give it with --mpp"
    return f"{slide.mpp:.4g} ({slide.mpp_source})"
