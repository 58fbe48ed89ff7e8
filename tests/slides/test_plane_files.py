"""Files with heights are one slide: their order, their unit, their common part, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.errors import NotASlideError, SlideNotFoundError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.plane_files import open_plane_files


def plane(level: int, height: int = 40, width: int = 50) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def folder_of(tmp_path: Path, **levels: int) -> Path:
    for name, level in levels.items():
        Image.fromarray(plane(level)).save(tmp_path / name)
    return tmp_path


def levels_of(slide: Any) -> list[int]:
    return [int(slide.read(Region(0, 0, 4, 4), z=z)[0, 0, 0]) for z in range(len(slide.z_um))]


def test_planes_stand_in_the_order_of_their_heights(tmp_path: Path) -> None:
    files = {"10.png": 4, "-2.bmp": 1, "-0.5.png": 2, "9.png": 3, "field.png": 9, "1.txt.png": 8}
    slide = open_plane_files(folder_of(tmp_path, **files))
    assert slide.z_um == (-2, -0.5, 9, 10)
    assert levels_of(slide) == [1, 2, 3, 4]
    assert (slide.shape, slide.name, slide.info.z_source) == ((40, 50), tmp_path.name, None)
    assert any("steps of unknown length" in note for note in slide.info.notes)
    assert slide.pyramid()[0].shape == (4, 40, 50, 3)
    slide.close()


@pytest.mark.parametrize("unit", ["um", "µm", " µm", " μm"])
def test_a_name_that_says_its_unit_is_a_height(tmp_path: Path, unit: str) -> None:
    slide = open_plane_files(folder_of(tmp_path, **{f"−1.5{unit}.png": 1, f"+2{unit}.png": 2}))
    assert (slide.z_um, slide.info.z_source) == ((-1.5, 2), "file")
    assert not slide.info.z_remarks


def test_heights_that_are_given_go_first(tmp_path: Path) -> None:
    files = {"a.png": 1, "b.png": 2, "c.png": 3}
    slide = open_plane_files(folder_of(tmp_path, **files), (0, 2, 4.5))
    assert (slide.z_um, slide.info.z_source) == ((0, 2, 4.5), "given")
    assert levels_of(slide) == [1, 2, 3]


def test_the_part_that_all_planes_have_is_used(tmp_path: Path) -> None:
    Image.fromarray(plane(1, 40, 50)).save(tmp_path / "0.png")
    Image.fromarray(plane(2, 38, 55)).save(tmp_path / "1.png")
    slide = open_plane_files(tmp_path)
    assert slide.shape == (38, 50)
    assert slide.read(Region(0, 0, 38, 50), z=1).shape == (38, 50, 3)
    assert any("50 × 38 px that all have" in note for note in slide.info.notes)
    Image.fromarray(plane(3, 20, 50)).save(tmp_path / "2.png")
    with pytest.raises(NotASlideError, match="20 to 40 px down"):
        open_plane_files(tmp_path)


def test_pyramids_keep_their_levels_and_their_resolution(tmp_path: Path, write_tiff: Any) -> None:
    rng = np.random.default_rng(0)
    for z in (0, 2):
        image = rng.integers(0, 256, (600, 500, 3), np.uint8)
        write_tiff(tmp_path / f"{z} um.tif", image, levels=2)
    slide = open_plane_files(tmp_path)
    assert (slide.level_shapes, slide.mpp) == (((600, 500), (300, 250)), 0.25)
    assert slide.read(Region(0, 0, 9, 9), level=1, z=1).shape == (9, 9, 3)
    slide.close()


def test_what_is_no_stack_is_refused(tmp_path: Path, write_tiff: Any) -> None:
    with pytest.raises(SlideNotFoundError, match="there is no folder"):
        open_plane_files(tmp_path / "nowhere")
    with pytest.raises(NotASlideError, match="holds 0 images"):
        open_plane_files(tmp_path)
    folder_of(tmp_path, **{"1.png": 1, "2.png": 2})
    with pytest.raises(NotASlideError, match="has 2 planes, but their heights are 0, 1, 2"):
        open_plane_files(tmp_path, (0, 1, 2))
    with pytest.raises(NotASlideError, match="one for each plane, rising"):
        open_plane_files(tmp_path, (1, 0))
    (tmp_path / "1.bmp").write_bytes(b"BM and nothing else")
    with pytest.raises(NotASlideError, match="one for each plane, rising"):
        open_plane_files(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(NotASlideError, match=r"1\.bmp begins as a BMP"):
        open_plane_files(tmp_path)


def test_the_real_stack_opens(test_data: Path) -> None:
    slide = open_plane_files(test_data / "focus/smear-stack")
    assert slide.z_um == tuple(range(-9, 10))
    assert (slide.shape, slide.mpp, slide.info.z_source) == ((286, 330), None, None)
