"""Dialects with bytes overwritten, in their words above all: read or refused, nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import FocusQCError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide

WORDS = b'0123456789-."<>/ =|eZ\0'
STARTS = (b"<OME", b"Aperio ", b"<PerkinElmer")


@pytest.fixture(scope="module", params=["ome", "colours", "svs", "qptiff"])
def dialect(request, tmp_path_factory, tissue_image, tiff_files):
    folder = tmp_path_factory.mktemp("damage")
    stack = np.stack([tissue_image(210, 230, seed) for seed in range(3)])
    heights = {"Plane": {"PositionZ": [3.0, 2.0, 1.0], "PositionZUnit": ["µm"] * 3}}
    label = (stack[0][:50, :60], "YXS", "label")
    colours = {"Channel": {"Name": ["R", "G", "B"]}}
    if request.param == "ome":
        path = tiff_files.write_ome(
            folder / "a.ome.tif", [(stack, "ZYXS", "a", heights), label], levels=2
        )
    elif request.param == "colours":
        planes = np.moveaxis(stack, -1, 1)
        path = tiff_files.write_ome(folder / "a.ome.tif", [(planes, "ZCYX", "a", colours)])
    elif request.param == "svs":
        path = tiff_files.write_svs(folder / "a.svs", stack, [None, 1, -1])
    else:
        pictures = [("Overview", stack[1][:50]), ("Label", stack[2][:60])]
        path = tiff_files.write_qptiff(folder / "a.qptiff", stack[0], pictures=pictures)
    return Dialect(path)


class Dialect:
    """A file to overwrite, its good bytes, and the places of its words and its directory."""

    def __init__(self, path):
        self.path, self.good = path, path.read_bytes()
        words = max(self.good.find(start) for start in STARTS)
        directory = int.from_bytes(self.good[4:8], "little")
        self.words = range(words, min(words + 900, len(self.good)))
        self.directory = range(directory, directory + 250)


def visit(path):
    """Read a corner of every plane of every level, and every picture; return the refusals."""
    refusals = []
    try:
        slide = open_slide(path)
    except FocusQCError as refusal:
        return [str(refusal)]
    for level, (height, width) in enumerate(slide.level_shapes):
        for z in range(min(len(slide.z_um), 3)):
            try:
                slide.read(Region(0, 0, min(height, 150), min(width, 150)), level, z)
            except FocusQCError as refusal:
                refusals.append(str(refusal))
    for name in slide.info.associated:
        try:
            slide.associated_image(name)
        except FocusQCError as refusal:
            refusals.append(str(refusal))
    return refusals


def test_undamaged_dialects_are_read(dialect):
    dialect.path.write_bytes(dialect.good)
    assert visit(dialect.path) == []


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_damaged_dialects_never_raise_anything_but_a_refusal(dialect, data):
    bad, byte = bytearray(dialect.good), st.integers(0, 255)
    for most, places, values in (
        (4, dialect.words, st.sampled_from(WORDS)),
        (2, dialect.directory, byte),
        (2, range(len(bad)), byte),
    ):
        for _ in range(data.draw(st.integers(0, most))):
            bad[data.draw(st.sampled_from(places))] = data.draw(values)
    dialect.path.write_bytes(bad)
    assert all(visit(dialect.path))
