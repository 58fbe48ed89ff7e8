"""The smallest TIFF files that OpenSlide takes for those of Leica, Philips, Ventana and Trestle.

Level 0 is `image`; each further level is the area mean by 2 × 2 of the one before it.
"""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def halves(image: Pixels, levels: int) -> list[Pixels]:
    """Return the levels of a pyramid; sides must divide by 2 as often as there are levels."""
    pyramid = [image]
    for _ in range(levels - 1):
        height, width, _ = pyramid[-1].shape
        blocks = pyramid[-1].reshape(height // 2, 2, width // 2, 2, 3)
        pyramid.append(np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8))
    return pyramid


def _page(tile: int, compression: str | None, **more: object) -> dict[str, object]:
    return {
        "photometric": "rgb",
        "tile": (tile, tile),
        "compression": compression,
        "metadata": None,
        **more,
    }


def write_scn(
    path: Path,
    image: Pixels,
    *,
    offset: tuple[int, int] = (0, 0),
    margin: int = 64,
    levels: int = 2,
    planes: int = 1,
    compression: str | None = None,
    macro: Pixels | None = None,
) -> Path:
    """Write a Leica SCN: `image` lies at `offset` (y, x) px on a glass `margin` px larger."""
    nm = 250
    height, width, _ = image.shape
    glass = ((height + margin) * nm, (width + margin) * nm)
    macro = np.full((64, 128, 3), 90, np.uint8) if macro is None else macro
    ifd, dimensions = 1, []
    for z in range(planes):
        for level in range(levels):
            sides = f'sizeX="{width >> level}" sizeY="{height >> level}"'
            dimensions.append(f'<dimension {sides} r="{level}" z="{z}" ifd="{ifd}"/>')
            ifd += 1
    light = "<illuminationSettings><illuminationSource>brightfield</illuminationSource>"
    light += "<numericalAperture>0.75</numericalAperture></illuminationSettings>"
    scan = f"<scanSettings><objectiveSettings><objective>40</objective></objectiveSettings>{light}"
    scan += "</scanSettings>"
    xml = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'
        f'<collection name="a" sizeX="{glass[1]}" sizeY="{glass[0]}"><barcode>x</barcode>'
        f'<image name="macro"><pixels sizeX="{macro.shape[1]}" sizeY="{macro.shape[0]}">'
        f'<dimension sizeX="{macro.shape[1]}" sizeY="{macro.shape[0]}" r="0" ifd="0"/></pixels>'
        f'<view sizeX="{glass[1]}" sizeY="{glass[0]}" offsetX="0" offsetY="0"/>{scan}</image>'
        f'<image name="main"><pixels sizeX="{width}" sizeY="{height}" sizeZ="{planes}">'
        f"{''.join(dimensions)}</pixels>"
        f'<view sizeX="{width * nm}" sizeY="{height * nm}" '
        f'offsetX="{offset[1] * nm}" offsetY="{offset[0] * nm}"/>'
        f'<device model="Leica SCN400" version="1"/>{scan}</image></collection></scn>'
    )
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(macro, **_page(64, compression, description=xml))
        for z in range(planes):
            for level, pixels in enumerate(halves(image, levels)):
                per_cm = 1e7 / (nm << level)
                writer.write(
                    pixels if z == 0 else 255 - pixels,
                    **_page(64, compression, resolution=(per_cm, per_cm), resolutionunit=3),
                )
    return path


def write_philips(
    path: Path,
    image: Pixels,
    *,
    levels: int = 2,
    compression: str | None = None,
    macro: Pixels | None = None,
    label: Pixels | None = None,
) -> Path:
    """Write a Philips TIFF of 0.25 µm/px, 40x, with pictures beside it as pages."""
    spacing = [f'"{0.00025 * 2**level:.6f}" "{0.00025 * 2**level:.6f}"' for level in range(levels)]

    def attribute(name: str, value: str) -> str:
        return f'<Attribute Name="{name}" PMSVR="IString">{value}</Attribute>'

    sizes = "".join(
        '<DataObject ObjectType="PixelDataRepresentation">'
        + attribute("DICOM_PIXEL_SPACING", text.replace('"', "&quot;"))
        + attribute("PIIM_PIXEL_DATA_REPRESENTATION_NUMBER", str(level))
        + "</DataObject>"
        for level, text in enumerate(spacing)
    )
    main = (
        attribute("PIM_DP_IMAGE_TYPE", "WSI")
        + attribute("DICOM_PIXEL_SPACING", spacing[0].replace('"', "&quot;"))
        + attribute("DICOM_DERIVATION_DESCRIPTION", "tiff-useBigTIFF=0-levels=40,10-processing=x")
        + '<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" PMSVR="IDataObjectArray">'
        + f"<Array>{sizes}</Array></Attribute>"
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><DataObject ObjectType="DPUfsImport">'
        + attribute("DICOM_MANUFACTURER", "Hamamatsu")
        + '<Attribute Name="PIM_DP_SCANNED_IMAGES" PMSVR="IDataObjectArray"><Array>'
        + f'<DataObject ObjectType="DPScannedImage">{main}</DataObject></Array></Attribute>'
        + "</DataObject>"
    )
    with tifffile.TiffWriter(path) as writer:
        for level, pixels in enumerate(halves(image, levels)):
            about = {"description": xml, "software": "Philips DP v1.0"} if level == 0 else {}
            writer.write(pixels, **_page(64, compression, subfiletype=int(level > 0), **about))
        for name, picture in (("Macro", macro), ("Label", label)):
            if picture is not None:
                writer.write(picture, photometric="rgb", description=name, metadata=None)
    return path


def write_bif(
    path: Path,
    image: Pixels,
    *,
    overlap: int = 0,
    planes: int = 1,
    stitched: bool = True,
    compression: str | None = None,
    macro: Pixels | None = None,
) -> Path:
    """Write a Ventana BIF of 0.25 µm/px, 40x and 2 levels: tiles of 64 px that may overlap.

    The sides of `image` are `64 + n * (64 - overlap)` px. More `planes` are only claimed.
    Without `stitched` it is the plain TIFF of an older Ventana scanner.
    """
    tile, step = 64, 64 - overlap
    rows, columns = ((side - overlap) // step for side in image.shape[:2])
    iscan = f'<iScan Magnification="40" ScanRes="0.25" Z-layers="{planes}" Z-spacing="1"/>'
    joints = [
        f'<TileJointInfo Direction="RIGHT" Tile1="1" Tile2="2" OverlapX="{overlap}" OverlapY="0" '
        'Confidence="100"/>',
        f'<TileJointInfo Direction="UP" Tile1="{columns}" Tile2="{columns + 1}" OverlapX="0" '
        f'OverlapY="{overlap}" Confidence="100"/>',
    ]
    area = (
        f'<EncodeInfo Ver="2"><SlideInfo>{iscan}</SlideInfo><SlideStitchInfo>'
        f'<ImageInfo AOIScanned="1" AOIIndex="0" Width="{tile}" Height="{tile}" '
        f'NumRows="{rows}" NumCols="{columns}" Pos-X="0" Pos-Y="0">{"".join(joints)}</ImageInfo>'
        '</SlideStitchInfo><AoiOrigin><AOI0 OriginX="0" OriginY="0"/></AoiOrigin></EncodeInfo>'
    )
    cut = np.concatenate(
        [
            np.concatenate(
                [image[y : y + tile, x : x + tile] for x in range(0, columns * step, step)], axis=1
            )
            for y in range(0, rows * step, step)
        ]
    )
    macro = np.full((64, 96, 3), 90, np.uint8) if macro is None else macro
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            macro,
            photometric="rgb",
            description="Label_Image",
            metadata=None,
            extratags=[(700, 1, len(iscan), iscan.encode(), True)],
        )
        for level, pixels in enumerate(halves(cut, 2)):
            about = f"level={level} mag={40 / 2**level:g} quality=95"
            extra = [(700, 1, len(area), area.encode(), True)] if stitched and level == 0 else []
            writer.write(
                pixels, **_page(tile, compression, description=about, extratags=extra, software="x")
            )
    return path


def write_trestle(path: Path, image: Pixels, *, compression: str | None = None) -> Path:
    """Write a Trestle TIFF of 0.25 µm/px (in the resolution tags, as they do), 40x, 2 levels."""
    about = "Background Color=FFFFFF;Objective Power=40;OverlapsXY= 0 0 0 0"
    with tifffile.TiffWriter(path) as writer:
        for pixels in halves(image, 2):
            writer.write(
                pixels,
                **_page(
                    64,
                    compression,
                    description=about,
                    software="MedScan 1.0",
                    resolution=(0.25, 0.25),
                ),
            )
    return path
