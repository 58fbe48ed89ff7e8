"""What the tests of every room share: the real data, and small slides written on the spot."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

WriteTiff = Callable[..., Path]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of real test data; skip by name where the variable is unset."""
    folder = os.environ.get("FOCUSQC_TEST_DATA")
    if not folder:
        pytest.skip("FOCUSQC_TEST_DATA is not set: this test needs the real data")
    path = Path(folder).resolve()
    assert path.is_dir(), f"FOCUSQC_TEST_DATA names no folder: {path}"
    return path


def tissue_like(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Make an RGB field with structure at every scale, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = sum(np.sin(y / p + 1.3 * p) * np.cos(x / (1.7 * p)) for p in (3.0, 11.0, 47.0, 190.0))
    tint = np.array([190, 140, 175], np.float32)
    field = tint + waves[..., None] * np.array([14, 20, 16], np.float32)
    field += rng.normal(0, 4, field.shape).astype(np.float32)
    return np.clip(np.rint(field), 0, 255).astype(np.uint8)


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the 2 × 2 area mean, odd last rows and columns left out."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
    small = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return small.reshape(height // 2, width // 2, *image.shape[2:])


@pytest.fixture(scope="session")
def tissue_image() -> Callable[..., NDArray[np.uint8]]:
    """Return `tissue_like(height, width, seed=0)`."""
    return tissue_like


@pytest.fixture(scope="session")
def write_tiff() -> WriteTiff:
    """Return `write(path, image, *, tile, compression, quality, mpp, levels, subifds)`."""

    def write(
        path: Path,
        image: NDArray[np.uint8],
        *,
        tile: int | None = 256,
        compression: str | None = "jpeg",
        quality: int = 90,
        mpp: float | None = 0.25,
        levels: int = 1,
        subifds: bool = False,
    ) -> Path:
        """Write a (pyramidal) TIFF: `tile` px or strips, levels halved by area mean.

        Levels are SubIFDs when `subifds`, else pages of their own as Aperio and libvips do.
        """
        pixels_per_cm = None if mpp is None else (1e4 / mpp, 1e4 / mpp)
        options = {
            "photometric": "rgb" if image.ndim == 3 else "minisblack",
            "tile": None if tile is None else (tile, tile),
            "compression": compression,
            "compressionargs": {"level": quality} if compression == "jpeg" else None,
            "metadata": None,
        }
        with tifffile.TiffWriter(path) as writer:
            for level in range(levels):
                scale = (
                    None if pixels_per_cm is None else tuple(r / 2**level for r in pixels_per_cm)
                )
                writer.write(
                    image,
                    subfiletype=int(level > 0),
                    subifds=levels - 1 if subifds and level == 0 else None,
                    resolution=scale,
                    resolutionunit=None if scale is None else "CENTIMETER",
                    **options,
                )
                image = halved(image)
        return path

    return write


@pytest.fixture(scope="session")
def spoil_tile() -> Callable[..., Path]:
    """Return `spoil(path, index, *, level=0, start=0.0)`: overwrite a tile with noise, in place."""

    def spoil(path: Path, index: int, *, level: int = 0, start: float = 0.0) -> Path:
        """`start` is the fraction of the tile's bytes that stays as it was."""
        with tifffile.TiffFile(path) as tiff:
            page = tiff.series[0].levels[level].pages[0]
            offset, count = page.dataoffsets[index], page.databytecounts[index]
        keep = int(count * start)
        noise = np.random.default_rng(0).integers(0, 256, count - keep, np.uint8)
        with path.open("r+b") as file:
            file.seek(offset + keep)
            file.write(noise.tobytes())
        return path

    return spoil


@pytest.fixture
def huge_slide(tmp_path: Path) -> Path:
    """Write a slide of 100,000 × 70,000 px in four levels, all of whose tiles are the same."""
    path, tile = tmp_path / "huge.tif", 256
    grain = np.random.default_rng(0).integers(0, 256, (tile, tile, 3), np.uint8)
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for downsample in (1, 4, 16, 64):
            shape = (100_000 // downsample, 70_000 // downsample, 3)
            count = -(-shape[0] // tile) * -(-shape[1] // tile)
            data = [imagecodecs.jpeg8_encode(grain, level=50)] + [b""] * (count - 1)
            writer.write(
                iter(data),
                shape=shape,
                dtype=np.uint8,
                tile=(tile, tile),
                photometric="ycbcr",
                compression="jpeg",
                subfiletype=int(downsample > 1),
                metadata=None,
            )
    with tifffile.TiffFile(path) as tiff, path.open("r+b") as file:
        for page in tiff.pages:
            for tag in (page.tags["TileOffsets"], page.tags["TileByteCounts"]):
                kind = tiff.byteorder + {3: "u2", 4: "u4", 13: "u4", 16: "u8"}[tag.dtype]
                file.seek(tag.valueoffset)
                file.write(np.full(tag.count, tag.value[0], kind).tobytes())
    return path


@pytest.fixture
def jpeg_decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list with one entry per JPEG tile decoded so far."""
    seen, decode = [], imagecodecs.jpeg8_decode

    def count(*arguments, **options):
        seen.append(1)
        return decode(*arguments, **options)

    monkeypatch.setattr(imagecodecs, "jpeg8_decode", count)
    return seen


@pytest.fixture(scope="session")
def write_ome_zarr() -> Callable[..., Path]:
    """Return `write(path, levels, axes, *, version, mpp, z, omero, **how)`."""

    def write(
        path: Path,
        levels: list[NDArray[np.uint8]],
        axes: str,
        *,
        version: str = "0.5",
        mpp: float | None = 0.25,
        z: tuple[float, float] = (0.0, 1.0),
        omero: object = None,
        **how: object,
    ) -> Path:
        """Write arrays whose axes are the letters of `axes`, finest first, with zarr alone.

        Without `mpp` the axes have no unit; `z` is the first height and the distance of planes,
        µm; `how` goes to `zarr.create_array`.
        """
        zarr_format = 2 if version == "0.4" else 3
        kinds = {"t": "time", "c": "channel"}
        named = [{"name": axis, "type": kinds.get(axis, "space")} for axis in axes]
        if mpp is not None:
            named = [
                axis | ({"unit": "micrometer"} if axis["type"] == "space" else {}) for axis in named
            ]
        datasets = []
        for number, level in enumerate(levels):
            keys = {"name": "v2" if zarr_format == 2 else "default", "separator": "/"}
            plain = {"chunks": [min(side, 64) for side in level.shape], "chunk_key_encoding": keys}
            array = zarr.create_array(
                path / str(number),
                shape=level.shape,
                dtype=level.dtype,
                zarr_format=zarr_format,
                **(plain | how),
            )
            array[...] = level
            side = (mpp or 1.0) * 2**number
            scale = [{"y": side, "x": side, "z": z[1]}.get(axis, 1.0) for axis in axes]
            offset = [z[0] if axis == "z" else 0.0 for axis in axes]
            placed = [
                {"type": "scale", "scale": scale},
                {"type": "translation", "translation": offset},
            ]
            datasets.append({"path": str(number), "coordinateTransformations": placed})
        image = {"axes": named, "datasets": datasets}
        if zarr_format == 2:
            ome = {"multiscales": [image | {"version": version}], "omero": omero}
            (path / ".zgroup").write_text('{"zarr_format": 2}')
            (path / ".zattrs").write_text(json.dumps(ome))
        else:
            ome = {"ome": {"version": version, "multiscales": [image], "omero": omero}}
            group = {"zarr_format": 3, "node_type": "group", "attributes": ome}
            (path / "zarr.json").write_text(json.dumps(group))
        return path

    return write


@pytest.fixture(scope="session")
def dot_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write weights of a MicroNet for 0.25 µm/px that smooths darkness: dark dots are its nuclei.

    All goes along the path at full size, through three binomial filters; the rest is zeros.
    """
    import torch

    from napari_focusqc.models.card import WeightsCard
    from napari_focusqc.models.micronet import MicroNet
    from napari_focusqc.models.weights import save_weights

    network, widths = MicroNet((1, 1, 1, 1, 1)).eval(), [1, 1, 1, 1, 1]
    binomial = torch.tensor([0.25, 0.5, 0.25])
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim == 4:
                value.zero_()
        network.blocks[0][0].weight[0, :, 1, 1] = 1 / 3
        smoothing = network.blocks[8].residual.mapping
        smoothing[0][0].weight[0, 1] = torch.outer(binomial, binomial)
        smoothing[2][0].weight[0, 0] = torch.outer(binomial, binomial)
        last = network.blocks[9].last
        last[0][0].weight[0, 0] = torch.outer(binomial, binomial)
        last[1].weight.fill_(1)
        last[1].bias.zero_()
    card = WeightsCard(
        "dots", "micronet", 0.25, {"widths": widths, "sigmoid": False}, threshold=0.4
    )
    return save_weights(network, card, tmp_path_factory.mktemp("dots")).path


@pytest.fixture(scope="session")
def dotted() -> Callable[..., NDArray[np.uint8]]:
    """Return `dotted(height, width, centres, radius=3)`: dark discs on pink, uint8 RGB."""

    def dotted(height: int, width: int, centres: object, radius: float = 3.0) -> NDArray[np.uint8]:
        image = np.full((height, width, 3), (230, 190, 215), np.uint8)
        y, x = np.mgrid[:height, :width]
        for at_y, at_x in np.asarray(centres):
            image[(y - at_y) ** 2 + (x - at_x) ** 2 <= radius**2] = (40, 10, 60)
        return image

    return dotted


@pytest.fixture(scope="session")
def stack_of() -> Callable[..., object]:
    """Return `stack_of(focus, **changes)`: a measured stack whose focus is known.

    Five planes 2 µm apart around 0, in which tiles are in focus at `focus`, (rows, cols), NaN on
    glass. Network and figures of merit are right; `changes` are those of the source.
    """
    from napari_focusqc.results.distance_map import DistanceMap, StackSource
    from napari_focusqc.results.focus_height import StackReason
    from napari_focusqc.tiles.grid import TileGrid
    from napari_focusqc.tiles.sharpness import FIGURES

    plain = {
        "slide": "field",
        "mpp": 0.25,
        "mpp_source": "given",
        "planes": (0, 1, 2, 3, 4),
        "z_um": (-4.0, -2.0, 0.0, 2.0, 4.0),
        "z_source": "given",
        "merit": "tenengrad",
        "pairs": ((0, 1), (1, 2), (2, 3), (3, 4)),
        "model": "focus-distance",
        "weights": {"name": "toy"},
        "no_network": "",
        "depth_of_field_um": 1.2,
        "min_structure": 1.5,
        "tissue": "none",
        "device": "cpu",
        "version": "0",
        "created": "2026-01-01T00:00:00+00:00",
    }

    def stack_of(focus: object, **changes: object) -> DistanceMap:
        heights, source = np.asarray(focus, np.float32), StackSource(**(plain | changes))
        glass = np.isnan(heights)
        found = np.where(glass, StackReason.GLASS, StackReason.MEASURED).astype(np.uint8)
        distances = heights - source.second_heights[:, None, None]
        merits = 200 - (source.heights[:, None, None] - heights) ** 2
        every = np.repeat(merits[None], len(FIGURES), axis=0).astype(np.float32)
        rows, cols = heights.shape
        grid = TileGrid((112 * rows, 112 * cols), 1.0, 112, 112, 0, 0, rows, cols)
        return DistanceMap.of(distances.astype(np.float32), every, found, grid, source)

    return stack_of
