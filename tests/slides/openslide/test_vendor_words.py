import pytest

from napari_focusqc.slides.openslide.vendor_words import VendorWords, vendor_words

DICOM = {"openslide.vendor": "dicom"}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({}, VendorWords("unknown", None)),
        ({"openslide.vendor": "acme"}, VendorWords("acme", "Acme")),
        ({"openslide.vendor": "generic-tiff"}, VendorWords("TIFF", None)),
        ({"openslide.vendor": "aperio"}, VendorWords("Aperio SVS", "Aperio")),
        ({"openslide.vendor": "sakura"}, VendorWords("Sakura SVSLIDE", "Sakura")),
        ({"openslide.vendor": "zeiss"}, VendorWords("Zeiss CZI", "Zeiss")),
        ({"openslide.vendor": "mirax"}, VendorWords("3DHISTECH MRXS", "3DHISTECH")),
        (DICOM, VendorWords("DICOM WSI", None)),
        ({**DICOM, "dicom.Manufacturer": ""}, VendorWords("DICOM WSI", None)),
        (
            {
                **DICOM,
                "dicom.Manufacturer": "Leica Biosystems",
                "dicom.TransferSyntaxUID": "1.2.840.10008.1.2.4.91",
            },
            VendorWords("DICOM WSI", "Leica Biosystems", "JPEG 2000"),
        ),
    ],
)
def test_the_words_are_those_of_people(properties, words):
    assert vendor_words(properties) == words
