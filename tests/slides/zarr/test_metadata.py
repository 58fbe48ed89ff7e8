"""What OME-Zarr metadata says of axes, µm and colours, and what it leaves open."""

import pytest

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.zarr.channels import check_channels, read_channels
from napari_focusqc.slides.zarr.metadata import read_metadata, unit_um

IDENTITY = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]


def zyx(unit="micrometer"):
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    return [axis | ({} if unit is None else {"unit": unit}) for axis in axes]


def attributes(version="0.5", axes=None, own=IDENTITY, shared=None, **more):
    image = {
        "axes": zyx() if axes is None else axes,
        "datasets": [{"path": "0", "coordinateTransformations": own}, {"path": "1"}],
    }
    if shared is not None:
        image["coordinateTransformations"] = shared
    if version == "0.4":
        return {"multiscales": [image | {"version": "0.4"}]} | more
    return {"ome": {"version": version, "multiscales": [image]} | more}


def scale(*numbers):
    return {"type": "scale", "scale": list(numbers)}


def shift(*numbers):
    return {"type": "translation", "translation": list(numbers)}


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.5.1", "0.5-dev2"])
def test_axes_levels_and_version_are_read(version):
    found = read_metadata(attributes(version), "a")
    assert (found.version, found.axes, found.paths) == (version, ("z", "y", "x"), ("0", "1"))
    assert (found.mpp, found.z_um, found.notes, found.mpp_notes) == ((1.0, 1.0), (0.0, 1.0), (), ())


def test_a_version_that_is_left_out_is_told_by_the_place():
    new, old = attributes("0.5"), attributes("0.4")
    del new["ome"]["version"]
    del old["multiscales"][0]["version"]
    assert read_metadata(new, "a").version == "0.5"
    assert read_metadata(old, "a").version == "0.4"


@pytest.mark.parametrize("version", ["0.3", "0.6", "1.0", "0.45", "draft", 5])
def test_other_versions_are_refused(version):
    with pytest.raises(
        NotASlideError, match=rf"a is OME-Zarr {version}, and 0\.4 and 0\.5 are read"
    ):
        read_metadata(attributes(version), "a")


@pytest.mark.parametrize(
    ("own", "shared", "mpp", "z_um"),
    [
        ([scale(2, 0.25, 0.25)], None, (0.25, 0.25), (0.0, 2.0)),
        ([scale(2, 0.5, 0.25)], None, (0.5, 0.25), (0.0, 2.0)),
        ([scale(2, 0.5, 0.5), shift(-4, 7, 7)], None, (0.5, 0.5), (-4.0, 2.0)),
        ([scale(1, 2, 2), shift(3, 0, 0)], [scale(2, 0.2, 0.2)], (0.4, 0.4), (6.0, 2.0)),
        ([scale(1, 1, 1)], [scale(2, 0.2, 0.2), shift(5, 0, 0)], (0.2, 0.2), (5.0, 2.0)),
        ([scale(1, 2, 2)], [{"type": "identity"}], (2.0, 2.0), (0.0, 1.0)),
    ],
)
def test_the_scales_of_level_and_image_are_multiplied(own, shared, mpp, z_um):
    found = read_metadata(attributes(own=own, shared=shared), "a")
    assert found.mpp == pytest.approx(mpp)
    assert found.z_um == pytest.approx(z_um)


@pytest.mark.parametrize(
    "own",
    [
        None,
        [],
        [scale(1, 1)],
        [scale(1, 1, "1")],
        [scale(1, True, 1)],
        [scale(1, float("nan"), 1)],
        [{"type": "scale", "path": "scales"}],
        [{"type": "affine"}],
        ["scale"],
        "scale",
    ],
)
def test_a_scale_that_cannot_be_read_is_unknown_and_noted(own):
    found = read_metadata(attributes(own=own), "a")
    assert (found.mpp, found.z_um) == (None, None)
    assert found.mpp_notes == ("the size of its pixels is not in the metadata",)


@pytest.mark.parametrize("numbers", [(1, 0, 1), (1, -0.5, 0.5), (1, 1, -1)])
def test_a_pixel_without_extent_is_no_micrometre(numbers):
    found = read_metadata(attributes(own=[scale(*numbers)]), "a")
    assert found.mpp is None
    assert "is no length above 0" in found.mpp_notes[0]


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("micrometer", 1.0),
        ("micrometre", 1.0),
        ("micrometers", 1.0),
        ("micron", 1.0),
        ("um", 1.0),
        ("\u00b5m", 1.0),
        ("\u03bcm", 1.0),
        ("nanometer", 1e-3),
        ("angstrom", 1e-4),
        ("millimeter", 1e3),
        ("mm", 1e3),
        ("centimeter", 1e4),
        ("meter", 1e6),
        ("inch", 25400.0),
        ("pixel", None),
        ("second", None),
        ("", None),
        (None, None),
        (1, None),
    ],
)
def test_units_are_those_of_udunits(unit, um):
    assert unit_um(unit) == um
    found = read_metadata(attributes(axes=zyx(unit), own=[scale(3, 2, 2)]), "a")
    assert found.mpp == (None if um is None else pytest.approx((2 * um, 2 * um)))
    assert found.z_um == (None if um is None else pytest.approx((0.0, 3 * um)))
    if um is None:
        why = "no unit" if unit is None else f"the unit “{unit}”, which is no length"
        assert found.mpp_notes == (
            f"its axes y and x have {why}, so their scale 2 × 2 is not read as µm per pixel",
        )


def test_one_unit_alone_is_not_enough():
    axes = zyx()
    del axes[1]["unit"]
    found = read_metadata(attributes(axes=axes), "a")
    assert found.mpp is None
    assert "have no unit" in found.mpp_notes[0]
    assert found.z_um == (0.0, 1.0)


def test_axes_are_known_by_letter_or_by_type():
    axes = [{"name": "Time", "type": "time"}, {"name": "rgb", "type": "channel"}]
    axes += [{"name": name} for name in "YX"]
    assert read_metadata(attributes(axes=axes), "a").axes == ("t", "c", "y", "x")


@pytest.mark.parametrize(
    ("names", "said"),
    [("zx", "z, x"), ("yxy", "y, x, y"), ("qyx", "q, y, x"), ("yz", "y, z"), ("", "")],
)
def test_other_axes_are_refused_by_name(names, said):
    with pytest.raises(NotASlideError, match=f"the axes of a are {said}; a slide has y and x"):
        read_metadata(attributes(axes=[{"name": name} for name in names]), "a")


@pytest.mark.parametrize("axes", [["z", "y", "x"], "zyx", {"z": 1}, 3])
def test_axes_of_older_versions_are_refused(axes):
    with pytest.raises(NotASlideError, match="does not name its axes as OME-Zarr 0.4 and 0.5 do"):
        read_metadata(attributes(axes=axes), "a")


@pytest.mark.parametrize("images", [None, [], {}, ["a"], 7])
def test_multiscales_that_hold_nothing_are_refused(images):
    with pytest.raises(NotASlideError, match="are damaged"):
        read_metadata({"ome": {"multiscales": images}}, "a")


@pytest.mark.parametrize("datasets", [None, [], {}, ["0"]])
def test_levels_that_are_none_are_refused(datasets):
    image = {"axes": zyx(), "datasets": datasets}
    with pytest.raises(NotASlideError, match="are damaged"):
        read_metadata({"ome": {"multiscales": [image]}}, "a")


def test_further_images_are_noted():
    found = attributes()
    found["ome"]["multiscales"] *= 2
    assert read_metadata(found, "a").notes == ("it holds 2 images; the first is read",)


def channels(*colours, labels=None):
    labels = labels or [f"Channel {number}" for number in range(len(colours))]
    pairs = zip(colours, labels, strict=True)
    return read_channels({"channels": [{"color": c, "label": label} for c, label in pairs]})


@pytest.mark.parametrize(
    "said",
    [
        (),
        read_channels(None),
        read_channels({"channels": None}),
        read_channels({"channels": [{}, {}, {}]}),
        read_channels({"channels": ["a", 1, None]}),
        channels("FF0000", "00FF00", "0000FF"),
        channels("#ff0000", "#00ff00", "#0000ff"),
        channels("FF0000FF", "00FF00FF", "0000FFFF"),
        channels("808080", "808080", "808080"),
        channels("FFFFFF", "FFFFFF", "FFFFFF"),
        channels("FF0000", None, "0000FF"),
        channels("not one", "00FF00", 255),
        channels("0000FF", "00FF00", "FF0000", labels=["Red", "Green", "Blue"]),
        channels("FF00FF"),
    ],
)
def test_three_channels_are_rgb_unless_their_colours_say_no(said):
    check_channels(3, said, "a")


@pytest.mark.parametrize(
    "colours",
    [
        ("0000FF", "00FF00", "FF0000"),
        ("FF00FF", "00FF00", "0000FF"),
        ("FFFFFF", "00FF00", "FF0000"),
        ("0000FF", "FFFF00", "FF00FF"),
    ],
)
def test_three_channels_of_other_colours_are_refused(colours):
    with pytest.raises(NotASlideError, match=f"#{colours[0]} .* not as red, green and blue"):
        check_channels(3, channels(*colours), "a")


def test_one_channel_is_grey_and_four_need_an_alpha():
    check_channels(1, channels("00FF00"), "a")
    rgba = ("FF0000", "00FF00", "0000FF", "FFFFFF")
    check_channels(4, channels(*rgba, labels=["R", "G", "B", "A"]), "a")
    check_channels(4, channels(*rgba, labels=["red", "green", "blue", "alpha"]), "a")
    for said in ((), channels(*rgba), channels(*rgba[::-1], labels=["a", "b", "c", "alpha"])):
        with pytest.raises(NotASlideError, match="4 separate channels"):
            check_channels(4, said, "a")
    with pytest.raises(NotASlideError, match="2 separate channels"):
        check_channels(2, (), "a")
