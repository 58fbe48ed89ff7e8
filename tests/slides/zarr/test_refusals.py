"""What lies in a Zarr folder and is no slide is refused with a sentence."""

import json

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import (
    EmptyLevelError,
    FocusQCError,
    NotASlideError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide

VERSIONS = ["0.4", "0.5"]


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


@pytest.fixture
def slide_path(tmp_path, write_ome_zarr, zarr_files):
    array, _ = zarr_files.sample("cyx")
    return write_ome_zarr(tmp_path / "a.ome.zarr", [array, array[:, ::2, ::2]], "cyx")


def test_a_plate_a_well_labels_and_a_group_are_refused(slide_path, zarr_files):
    good = slide_path.joinpath("zarr.json").read_text()
    cases = {
        "plate": ({"wells": [{"path": "B/2"}]}, r"plate of many wells.* such as B/2/0 inside it"),
        "well": ({"images": []}, "one well of a plate"),
        "image-label": ({}, "holds labels, no slide"),
    }
    for key, (value, sentence) in cases.items():
        slide_path.joinpath("zarr.json").write_text(good)
        zarr_files.edit_ome(slide_path, lambda ome, key=key, value=value: ome.update({key: value}))
        with pytest.raises(NotASlideError, match=rf"^a\.ome\.zarr .*{sentence}"):
            open_slide(slide_path)
    slide_path.joinpath("zarr.json").write_text(good)
    zarr_files.edit_ome(slide_path, lambda ome: ome.pop("multiscales"))
    with pytest.raises(NotASlideError, match="Zarr group without an OME-Zarr image"):
        open_slide(slide_path)


def test_a_plain_array_is_refused_and_the_image_above_it_named(slide_path, tmp_path):
    with pytest.raises(
        NotASlideError, match=r"plain Zarr array \(uint8, 3 × 150 × 201\)"
    ) as refusal:
        open_slide(slide_path / "0")
    assert f"give {slide_path.resolve()}, the folder above it" in str(refusal.value)
    zarr.create_array(tmp_path / "b.zarr", shape=(4, 5), dtype="u2", zarr_format=2)
    with pytest.raises(NotASlideError, match=r"array \(uint16, 4 × 5\).*write it as OME-Zarr 0\.5"):
        open_slide(tmp_path / "b.zarr")


def test_a_saved_focus_map_is_refused(tmp_path, write_ome_zarr, zarr_files):
    path = write_ome_zarr(tmp_path / "a", [np.zeros((9, 9), np.float32)], "yx")
    zarr_files.edit(
        path / "zarr.json", lambda values: values["attributes"].update(focusqc={"format": 1})
    )
    with pytest.raises(NotASlideError, match="a is a saved focus map, no slide; drop it on napari"):
        open_slide(path)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotASlideError, match="no OME-Zarr folder"):
        open_slide(tmp_path)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int8", "bool"])
@pytest.mark.parametrize("version", VERSIONS)
def test_other_pixels_are_refused_by_name(tmp_path, write_ome_zarr, dtype, version):
    path = write_ome_zarr(tmp_path / "a", [np.zeros((9, 9), dtype)], "yx", version=version)
    with pytest.raises(NotASlideError, match=f"the pixels of a are {dtype}; a slide needs 8-bit"):
        open_slide(path)


@pytest.mark.parametrize("count", [2, 5])
def test_other_numbers_of_channels_are_refused(tmp_path, write_ome_zarr, count, zarr_files):
    path = write_ome_zarr(tmp_path / "a", [zarr_files.sample("cyx", channels=count)[0]], "cyx")
    with pytest.raises(NotASlideError, match=f"{count} separate channels"):
        open_slide(path)


def test_fluorescence_is_refused_by_its_colours(tmp_path, write_ome_zarr, zarr_files):
    named = zip(("0000FF", "00FF00", "FF0000"), ("DAPI", "FITC", "Cy5"), strict=True)
    omero = {"channels": [{"color": colour, "label": label} for colour, label in named]}
    path = write_ome_zarr(tmp_path / "a", [zarr_files.sample("cyx")[0]], "cyx", omero=omero)
    with pytest.raises(NotASlideError, match=r"#0000FF \(dapi\), #00FF00 .* not as red, green"):
        open_slide(path)


def test_levels_that_are_no_pyramid_are_refused(tmp_path, write_ome_zarr, zarr_files):
    array = zarr_files.sample("zyx")[0]
    for number, levels in enumerate(
        [[array[:, ::2, ::2], array], [array, array], [array, array[::2, ::2, ::2]]]
    ):
        path = write_ome_zarr(tmp_path / str(number), levels, "zyx")
        with pytest.raises(NotASlideError, match="no pyramid of the same planes, finest first"):
            open_slide(path)


def test_an_empty_level_is_refused(tmp_path, write_ome_zarr):
    path = write_ome_zarr(tmp_path / "a", [np.zeros((0, 9), np.uint8)], "yx", chunks=(1, 9))
    with pytest.raises(EmptyLevelError, match="0 × 9 px"):
        open_slide(path)


def test_a_level_that_is_missing_or_elsewhere_is_refused(slide_path, zarr_files):
    for wrong in ("../a.ome.zarr/0", "/etc", "", None, "C:\\x"):
        zarr_files.edit_ome(
            slide_path,
            lambda ome, wrong=wrong: ome["multiscales"][0]["datasets"][1].update(path=wrong),
        )
        with pytest.raises(NotASlideError, match="no folder inside it"):
            open_slide(slide_path)
    zarr_files.edit_ome(
        slide_path, lambda ome: ome["multiscales"][0]["datasets"][1].update(path="7")
    )
    with pytest.raises(NotASlideError, match="a part of the image is missing"):
        open_slide(slide_path)


def test_arrays_and_axes_must_agree(slide_path, zarr_files):
    zarr_files.edit_ome(slide_path, lambda ome: ome["multiscales"][0]["axes"].pop(0))
    with pytest.raises(NotASlideError, match=r"has 3 axes, and its metadata name 2 \(y, x\)"):
        open_slide(slide_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_monstrous_chunks_are_refused_before_anything_is_allocated(
    tmp_path, write_ome_zarr, version, zarr_files
):
    path = write_ome_zarr(tmp_path / "a", [zarr_files.sample("yx")[0]], "yx", version=version)
    if version == "0.4":
        zarr_files.edit(path / "0/.zarray", lambda values: values.update(chunks=[1 << 16, 1 << 16]))
    else:
        grid = {"chunk_shape": [1 << 16, 1 << 16]}
        zarr_files.edit(
            path / "0/zarr.json",
            lambda values: values["chunk_grid"].update(configuration=grid),
        )
    with pytest.raises(NotASlideError, match="too large to decode"):
        open_slide(path)


def test_monstrous_shards_and_levels_are_refused(tmp_path, write_ome_zarr, zarr_files):
    path = write_ome_zarr(
        tmp_path / "a", [zarr_files.sample("yx")[0]], "yx", chunks=(1, 1), shards=(64, 64)
    )
    good = (path / "0/zarr.json").read_text()
    grid = {"chunk_shape": [1 << 16, 1 << 16]}
    zarr_files.edit(
        path / "0/zarr.json", lambda values: values["chunk_grid"].update(configuration=grid)
    )
    with pytest.raises(NotASlideError, match="too large to decode"):
        open_slide(path)
    (path / "0/zarr.json").write_text(good)
    zarr_files.edit(path / "0/zarr.json", lambda values: values.update(shape=[1 << 20, 1 << 20]))
    with pytest.raises(NotASlideError, match="too large to decode"):
        open_slide(path)


def test_codecs_that_are_not_known_are_refused_by_name(tmp_path, write_ome_zarr, zarr_files):
    old = write_ome_zarr(tmp_path / "old", [zarr_files.sample("yx")[0]], "yx", version="0.4")
    good = (old / "0/.zarray").read_text()
    zarr_files.edit(old / "0/.zarray", lambda values: values.update(filters=[{"id": "pickle"}]))
    with pytest.raises(NotASlideError, match="the compression pickle, which cannot be decoded"):
        open_slide(old)
    (old / "0/.zarray").write_text(good)
    zarr_files.edit(
        old / "0/.zarray", lambda values: values.update(compressor={"id": "imagecodecs_jpegxl"})
    )
    with pytest.raises(NotASlideError, match="imagecodecs_jpegxl"):
        open_slide(old)
    new = write_ome_zarr(tmp_path / "new", [zarr_files.sample("yx")[0]], "yx")
    extra = {"name": "numcodecs.pickle"}
    zarr_files.edit(new / "0/zarr.json", lambda values: values["codecs"].append(extra))
    with pytest.raises(NotASlideError, match=r"numcodecs\.pickle"):
        open_slide(new)


def test_metadata_that_are_no_json_are_refused(slide_path):
    for text in ("", "{", "[]", "null", "\udcff", "[" * 100_000):
        (slide_path / "zarr.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(NotASlideError, match=r"a\.ome\.zarr/zarr\.json"):
            open_slide(slide_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(values, path=()):
    """Yield the path of every value inside a JSON document."""
    entries = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("version", VERSIONS)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_metadata_never_raise_anything_but_a_refusal(
    tmp_path_factory, write_ome_zarr, version, data, zarr_files
):
    folder = tmp_path_factory.mktemp("damaged")
    array = zarr_files.sample("zyxc", height=70, width=90)[0]
    how = {"shards": (2, 64, 64, 3), "chunks": (1, 32, 32, 3)} if version == "0.5" else {}
    path = write_ome_zarr(folder / "a", [array], "zyxc", version=version, **how)
    names = ["zarr.json", "0/zarr.json"] if version == "0.5" else [".zattrs", "0/.zarray"]
    file = path / data.draw(st.sampled_from(names))
    values = json.loads(file.read_text())
    *above, last = data.draw(st.sampled_from(list(places(values))))
    part = values
    for key in above:
        part = part[key]
    if data.draw(st.booleans()) and isinstance(part, dict):
        del part[last]
    else:
        part[last] = data.draw(JSON)
    file.write_text(json.dumps(values))
    refusals = []
    try:
        slide = open_slide(path)
        slide.read(Region(0, 0, min(slide.shape[0], 100), min(slide.shape[1], 100)))
        slide.close()
    except FocusQCError as refusal:
        refusals.append(str(refusal))
    assert all("\n" not in refusal and refusal for refusal in refusals)
