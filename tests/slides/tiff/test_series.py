import numpy as np
import pytest
import tifffile

from napari_focusqc.errors import NotASlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


@pytest.fixture
def stack(tissue_image):
    return np.stack([tissue_image(210, 250, seed) for seed in range(5)])


# PerkinElmer QPTIFF


def test_a_bright_field_qptiff_is_a_slide(tmp_path, tissue_image, tiff_files):
    image = tissue_image(401, 530)
    slide = open_slide(tiff_files.write_qptiff(tmp_path / "a.qptiff", image))
    assert slide.level_shapes == ((401, 530), (200, 265), (100, 132))
    assert np.array_equal(whole(slide), image)
    assert np.array_equal(whole(slide, 1), tiff_files.halved(image))
    info = slide.info
    assert (info.format, info.vendor, info.objective) == ("PerkinElmer QPTIFF", "PerkinElmer", 20)
    assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.5), "file")
    assert info.associated == ("thumbnail",)
    assert info.notes == ()


@pytest.mark.parametrize(
    ("objective", "power"), [("20x", 20), ("40X/0.75 NA", 40), ("2.5 x", 2.5), ("Plan", None)]
)
def test_the_objective_of_a_qptiff(tmp_path, tissue_image, objective, power, tiff_files):
    path = tiff_files.write_qptiff(
        tmp_path / "a.qptiff", tissue_image(100, 100), objective=objective
    )
    assert open_slide(path).info.objective == power


def test_without_resolution_tags_a_qptiff_states_its_pixels_in_xml(
    tmp_path, tissue_image, tiff_files
):
    path = tiff_files.write_qptiff(tmp_path / "a.qptiff", tissue_image(100, 100), resolution=False)
    assert open_slide(path).mpp == 0.5


def test_a_fluorescence_qptiff_is_refused(tmp_path, tissue_image, tiff_files):
    path = tiff_files.write_qptiff(
        tmp_path / "a.qptiff", tissue_image(200, 200)[..., 0], channels=3
    )
    with pytest.raises(NotASlideError, match="has 3 separate channels .* a slide needs RGB"):
        open_slide(path)


def test_a_qptiff_whose_xml_is_damaged_still_reads(tmp_path, tissue_image, tiff_files):
    image = tissue_image(100, 100)
    path = tiff_files.write_qptiff(tmp_path / "a.qptiff", image)
    tifffile.tiffcomment(path, b"<PerkinElmer-QPI-ImageDescription><Objective>20x")
    slide = open_slide(path)
    assert (slide.info.format, slide.info.objective) == ("PerkinElmer QPTIFF", None)
    assert np.array_equal(whole(slide), image)


# Aperio SVS with several focal planes


def test_the_planes_of_an_svs_rise(tmp_path, stack, tiff_files):
    path = tiff_files.write_svs(tmp_path / "a.svs", stack, [None, 1.5, 3, -3, -1.5])
    slide = open_slide(path)
    assert (slide.z_um, slide.info.z_source) == ((-3.0, -1.5, 0.0, 1.5, 3.0), "file")
    for z, plane in enumerate([3, 4, 0, 1, 2]):
        assert np.array_equal(whole(slide, z=z), stack[plane])
        assert np.array_equal(whole(slide, 1, z), tiff_files.halved(stack[plane]))
    assert slide.info.notes == ()
    assert slide.info.associated == ("thumbnail",)


def test_an_svs_whose_planes_say_no_height_counts_them(tmp_path, stack, tiff_files):
    path = tiff_files.write_svs(tmp_path / "a.svs", stack, [None] * 5)
    slide = open_slide(path)
    assert (slide.z_um, slide.info.z_source) == ((0.0, 1.0, 2.0, 3.0, 4.0), None)
    assert "heights of its 5 planes are not in the file" in slide.info.notes[0]
    assert np.array_equal(whole(slide, z=3), stack[3])
    slide = open_slide(path, z_step_um=0.5)
    assert (slide.z_um[-1], slide.info.z_source) == (2.0, "given")


def test_levels_that_order_their_planes_differently_are_refused(tmp_path, stack, tiff_files):
    path = tiff_files.write_svs(tmp_path / "a.svs", stack[:3], [None, 1, 2])
    with tifffile.TiffFile(path) as tiff:
        page = tiff.series[0].levels[1].pages[1]
        tag = page.tags["ImageDescription"]
        offset, text = tag.valueoffset, tag.value
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(text.replace("OffsetZ = 1|", "OffsetZ = 2|").encode())
    with pytest.raises(NotASlideError, match="order their planes differently"):
        open_slide(path)


# OME-TIFF


def test_an_ome_pyramid_has_every_plane_at_every_level(tmp_path, stack, tiff_files):
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 1.5}
    path = tiff_files.write_ome(tmp_path / "a.ome.tif", [(stack, "ZYXS", "a", sizes)], levels=3)
    slide = open_slide(path)
    assert slide.level_shapes == ((210, 250), (105, 125), (53, 63))
    assert (slide.z_um, slide.info.z_source) == ((0.0, 1.5, 3.0, 4.5, 6.0), "file")
    for level in range(3):
        for z in range(5):
            expected = stack[z, :: 2**level, :: 2**level]
            assert np.array_equal(whole(slide, level, z), expected)
    assert slide.pyramid()[1].shape == (5, 105, 125, 3)


def test_the_planes_of_an_ome_tiff_rise(tmp_path, stack, tiff_files):
    places = {"PositionZ": [4.0, 2.0, 0.0, -2.0, -4.0], "PositionZUnit": ["µm"] * 5}
    path = tiff_files.write_ome(
        tmp_path / "a.ome.tif", [(stack, "ZYXS", "a", {"Plane": places})], levels=2
    )
    slide = open_slide(path)
    assert slide.z_um == (-4.0, -2.0, 0.0, 2.0, 4.0)
    for z in range(5):
        assert np.array_equal(whole(slide, z=z), stack[4 - z])
        assert np.array_equal(whole(slide, 1, z), stack[4 - z, ::2, ::2])


def test_the_first_of_several_time_points_is_read(tmp_path, stack, tiff_files):
    path = tiff_files.write_ome(tmp_path / "a.ome.tif", [(stack, "TYXS", "a")])
    slide = open_slide(path)
    assert np.array_equal(whole(slide), stack[0])
    assert slide.z_um == (0.0,)
    assert slide.info.notes == ("the file has 5 time points, of which the first is read",)


def test_a_real_series_of_planes_and_times_says_so(test_data):
    slide = open_slide(test_data / "wsi/z-time-series/4D-series.ome.tiff")
    assert len(slide.z_um) == 5
    assert "the file has 7 time points, of which the first is read" in slide.info.notes


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_largest_image_of_an_ome_tiff_is_the_slide(tmp_path, tissue_image, place, tiff_files):
    image, label, macro = tissue_image(500, 600), tissue_image(90, 80, 1), tissue_image(70, 180, 2)
    images = [(label, "YXS", "label image"), (macro, "YXS", "Macro")]
    images.insert(place, (image, "YXS", "slide.mrxs", {"PhysicalSizeX": 0.25}))
    images[-1] = (*images[-1][:3], {"PhysicalSizeX": 0.25 if place == 2 else 9.0})
    slide = open_slide(tiff_files.write_ome(tmp_path / "a.ome.tif", images, levels=2))
    assert np.array_equal(whole(slide), image)
    assert slide.mpp == 0.25
    assert set(slide.info.associated) == {"label", "macro"}
    assert np.array_equal(slide.associated_image("label"), label)
    assert np.array_equal(slide.associated_image("macro"), macro)
    assert slide.info.notes == ()


def test_other_images_are_not_passed_over_in_silence(tmp_path, tissue_image, tiff_files):
    images = [(tissue_image(300, 300), "YXS", "scene 1"), (tissue_image(320, 300), "YXS", "two")]
    slide = open_slide(tiff_files.write_ome(tmp_path / "a.ome.tif", images))
    assert slide.shape == (320, 300)
    assert slide.info.notes == ("the file has 2 images, of which the largest is read",)


@pytest.mark.parametrize("axes", ["CYX", "ZCYX", "CZYX"])
@pytest.mark.parametrize("names", [["Red", "Green", "Blue"], None])
def test_channels_called_red_green_and_blue_are_colours(tmp_path, stack, axes, names, tiff_files):
    pixels = np.moveaxis(stack, -1, axes.index("C")) if "Z" in axes else None
    if axes == "CYX":
        pixels = np.moveaxis(stack[0], -1, 0)
    if axes == "CZYX":
        pixels = np.moveaxis(stack, -1, 0)
    channel = {"Name": names} if names else {"Color": [-16776961, 16711935, 65535]}
    path = tiff_files.write_ome(
        tmp_path / "a.ome.tif", [(pixels, axes, "a", {"Channel": channel})], levels=2
    )
    slide = open_slide(path)
    for z in range(5 if "Z" in axes else 1):
        assert np.array_equal(whole(slide, z=z), stack[z])
        assert np.array_equal(whole(slide, 1, z), stack[z, ::2, ::2])
        assert np.array_equal(slide.read(Region(60, 50, 9, 30), z=z), stack[z, 60:69, 50:80])


@pytest.mark.parametrize("options", [{"tile": None}, {"tile": None, "compression": "lzw"}])
def test_channels_in_strips_are_put_together(tmp_path, tissue_image, options):
    image, path = tissue_image(211, 250), tmp_path / "a.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["R", "G", "B"]}}
    planes = np.moveaxis(image, -1, 0)
    tifffile.imwrite(path, planes, photometric="minisblack", metadata=metadata, **options)
    assert np.array_equal(whole(open_slide(path)), image)


@pytest.mark.parametrize("names", [["DAPI", "FITC", "TRITC"], ["Blue", "Green", "Red"], None])
def test_three_channels_that_are_no_colours_are_refused(tmp_path, stack, names, tiff_files):
    planes = np.moveaxis(stack[0], -1, 0)
    more = {"Channel": {"Name": names}} if names else {}
    path = tiff_files.write_ome(tmp_path / "a.ome.tif", [(planes, "CYX", "a", more)])
    with pytest.raises(NotASlideError, match="3 separate channels .* a slide needs RGB"):
        open_slide(path)


def test_planes_in_several_files_are_refused_unopened(tmp_path, stack, tiff_files):
    path = tiff_files.write_ome(tmp_path / "a.ome.tif", [(stack, "ZYXS", "a")])
    other = r'<TiffData\1><UUID FileName="../other.tif">urn:uuid:1</UUID></TiffData>'
    tiff_files.edit_ome(path, (r"<TiffData([^/>]*)/>", other))
    with pytest.raises(NotASlideError, match="lie in several files"):
        open_slide(path)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_planar_rgb_as_bio_formats_writes_it_is_read(tmp_path, tissue_image, compression):
    image, label = tissue_image(300, 330), tissue_image(60, 70, 1)
    path = tmp_path / "a.ome.tif"
    options = {"photometric": "rgb", "planarconfig": "separate", "compression": compression}
    with tifffile.TiffWriter(path, ome=True) as writer:
        for pixels, name, tile in [(label, "label image", None), (image, "slide", (64, 64))]:
            planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
            writer.write(planes, tile=tile, metadata={"axes": "CYX", "Name": name}, **options)
    slide = open_slide(path)
    assert np.array_equal(whole(slide), image)
    assert np.array_equal(slide.associated_image("label"), label)
