"""TIFF dialects written for the tests: QPTIFF, SVS with planes, OME-TIFF with what is asked for."""

import re

import numpy as np
import tifffile

TILED = {"photometric": "rgb", "tile": (64, 64), "metadata": None}


def halved(image):
    """Return every second pixel of whole pairs, as sizes are halved in every dialect."""
    return image[: image.shape[0] // 2 * 2 : 2, : image.shape[1] // 2 * 2 : 2]


def write_svs(path, planes, heights, *, levels=2):
    """Write an Aperio slide: plane 0 at every level, then the others, each with its OffsetZ.

    `heights` has one entry per plane; None writes no OffsetZ. The first states TotalDepth.
    """
    size = f"{planes[0].shape[1]}x{planes[0].shape[0]}"
    with tifffile.TiffWriter(path) as writer:

        def write(image, text, **options):
            text = f"Aperio Image Library v12\r\n{size} [0,0 {size}] {text}|AppMag = 40|MPP = 0.25"
            writer.write(image, description=text, **{**TILED, **options})

        for number, (plane, height) in enumerate(zip(planes, heights, strict=True)):
            depth = "" if height is None else f"|OffsetZ = {height}"
            if number == 0:
                depth = "|TotalDepth = 8"
            image = plane
            for level in range(levels):
                write(image, depth)
                if number == 0 and level == 0:
                    write(plane[::8, ::8], "", tile=None)  # the thumbnail stands second
                image = halved(image)
    return path


def qpi_text(kind, **elements):
    """Return PerkinElmer's description of a page."""
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in elements.items())
    return (
        '<?xml version="1.0" encoding="utf-16"?>\r\n<PerkinElmer-QPI-ImageDescription>'
        f"<DescriptionVersion>2</DescriptionVersion><ImageType>{kind}</ImageType>{inner}"
        "</PerkinElmer-QPI-ImageDescription>"
    )


def write_qptiff(path, image, *, pictures=(), resolution=True, objective="20x", channels=1):
    """Write a PerkinElmer slide of three levels, then `pictures`: pairs of ImageType and image."""
    colour = "rgb" if image.ndim == 3 else "minisblack"
    with tifffile.TiffWriter(path) as writer:

        def write(pixels, kind, scale=1, **options):
            extra = {"Objective": objective} if objective else {}
            extra["ScanProfile"] = "<root><PixelSizeMicrons>0.5</PixelSizeMicrons></root>"
            options = {**TILED, "photometric": colour, **options}
            if resolution:
                options |= {"resolution": (20000 / scale,) * 2, "resolutionunit": "CENTIMETER"}
            text = None if kind is None else qpi_text(kind, **extra)
            writer.write(pixels, software="PerkinElmer-QPI", description=text, **options)

        for _ in range(channels):
            write(image, "FullResolution")
        small = np.repeat(image[::4, ::4, None], 3, -1) if image.ndim == 2 else image[::4, ::4]
        write(small, "Thumbnail", tile=None, photometric="rgb")
        for level in (1, 2):
            image = halved(image)
            for _ in range(channels):
                write(image, "ReducedResolution", 2**level, subfiletype=1)
        for kind, picture in pictures:
            write(picture, kind, tile=None, photometric="rgb")
    return path


def write_ome(path, images, *, levels=1):
    """Write `images`, triples of pixels, axes and a name, each with its levels as SubIFDs."""
    with tifffile.TiffWriter(path, ome=True) as writer:
        for image, axes, name, *more in images:
            metadata = {"axes": axes, "Name": name, **(more[0] if more else {})}
            count = levels if max(image.shape) > 200 else 1
            colour = "rgb" if axes[-1] == "S" else "minisblack"
            for level in range(count):
                writer.write(
                    image,
                    tile=(64, 64),
                    photometric=colour,
                    metadata=metadata if level == 0 else None,
                    subifds=count - 1 if level == 0 else None,
                    subfiletype=int(level > 0),
                )
                y = axes.index("Y")
                step = (slice(None),) * y + (slice(0, None, 2),) * 2
                image = image[step]
    return path


def edit_ome(path, *changes):
    """Replace patterns in a file's OME-XML."""
    text = tifffile.tiffcomment(path)
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text)
        assert count, pattern
    tifffile.tiffcomment(path, text.encode())
    return path
