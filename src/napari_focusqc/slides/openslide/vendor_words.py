"""What OpenSlide calls a file, in the words of people.

Room: slides. Pure functions of OpenSlide's properties.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VendorWords:
    """What kind of file it is.

    Parameters
    ----------
    format
        The kind of file.
    vendor
        The scanner's maker, or None where the file is silent.
    compression
        Of level 0 where the properties tell; None where they do not.
    """

    format: str
    vendor: str | None
    compression: str | None = None


_WORDS = {
    "aperio": VendorWords("Aperio SVS", "Aperio"),
    "argos": VendorWords("Argos AVS", "Argos"),
    "generic-tiff": VendorWords("TIFF", None),
    "huron": VendorWords("Huron TIFF", "Huron"),
    "leica": VendorWords("Leica SCN", "Leica"),
    "philips": VendorWords("Philips TIFF", "Philips"),
    "sakura": VendorWords("Sakura SVSLIDE", "Sakura"),
    "trestle": VendorWords("Trestle TIFF", "Trestle"),
    "zeiss": VendorWords("Zeiss CZI", "Zeiss"),
}
_MIRAX_COMPRESSIONS = {"JPEG": "JPEG", "PNG": "PNG", "BMP24": "none"}
_DICOM_COMPRESSIONS = {
    "1.2.840.10008.1.2.1": "none",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}


def vendor_words(properties: Mapping[str, str]) -> VendorWords:
    """Say what kind of file it is, whatever it is named.

    Parameters
    ----------
    properties
        Of an open slide.
    """
    vendor = properties.get("openslide.vendor", "")
    if vendor == "hamamatsu":
        return _hamamatsu(properties)
    if vendor == "mirax":
        return _mirax(properties)
    if vendor == "ventana":
        stitched = "openslide.region[0].x" in properties  # only BIF lists its tiles' places
        return VendorWords("Ventana BIF" if stitched else "Ventana TIFF", "Ventana")
    if vendor == "dicom":
        return VendorWords(
            "DICOM WSI",
            properties.get("dicom.Manufacturer") or None,
            _DICOM_COMPRESSIONS.get(properties.get("dicom.TransferSyntaxUID", "")),
        )
    return _WORDS.get(vendor) or VendorWords(vendor or "unknown", vendor.capitalize() or None)


def _hamamatsu(properties: Mapping[str, str]) -> VendorWords:
    """Tell Hamamatsu's three formats apart: only VMS and VMU have a map, only VMS has JPEGs."""
    if "hamamatsu.MapFile" not in properties:
        return VendorWords("Hamamatsu NDPI", "Hamamatsu")
    if "hamamatsu.NoJpegColumns" in properties:
        return VendorWords("Hamamatsu VMS", "Hamamatsu", "JPEG")
    return VendorWords("Hamamatsu VMU", "Hamamatsu", "none")


def _mirax(properties: Mapping[str, str]) -> VendorWords:
    """Read what level 0 of a 3DHISTECH slide is made of."""
    section = properties.get("mirax.HIERARCHICAL.HIER_0_VAL_0_SECTION")
    kind = properties.get(f"mirax.{section}.IMAGE_FORMAT", "")
    return VendorWords("3DHISTECH MRXS", "3DHISTECH", _MIRAX_COMPRESSIONS.get(kind))
