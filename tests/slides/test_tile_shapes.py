"""Every slide says what it decodes at once, level by level."""

import numpy as np
import pytest

from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.given_slide import with_given
from napari_focusqc.slides.opening import open_slide


def test_a_tiff_has_its_files_tiles_at_every_level(tmp_path, write_tiff, tissue_image) -> None:
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(700, 900), tile=128, levels=3))
    assert slide.tile_shapes == ((128, 128),) * 3
    assert with_given(slide, mpp=0.5).tile_shapes == slide.tile_shapes


def test_an_ome_zarr_has_its_chunks(tmp_path, write_ome_zarr, tissue_image) -> None:
    levels = [np.moveaxis(tissue_image(side, side), -1, 0) for side in (300, 150)]
    slide = open_slide(write_ome_zarr(tmp_path / "a.ome.zarr", levels, "cyx"))
    assert slide.tile_shapes == ((64, 64),) * 2


def test_an_array_has_a_shape_for_each_level() -> None:
    image = np.zeros((600, 500, 3), np.uint8)
    assert len(ArraySlide([image, image[::2, ::2]]).tile_shapes) == 2


@pytest.mark.parametrize(
    ("name", "tile"),
    [
        ("openslide-cmu/CMU-1-Small-Region.svs", (240, 240)),
        ("ndpi-fluorescence/dapi.ndpi", None),
    ],
)
def test_real_slides_have_one_for_each_level(test_data, name, tile) -> None:
    slide = open_slide(test_data / "wsi" / name)
    assert len(slide.tile_shapes) == len(slide.level_shapes)
    assert all(min(shape) >= 1 for shape in slide.tile_shapes)
    if tile:
        assert slide.tile_shapes[0] == tile
    slide.close()
