"""Fields of a slide whose nuclei a person has checked, every one, and their file.

Room: annotation. What is no nucleus there is as sure as what is one; of the slide around the fields
nothing is known. The file is JSON: ``format``, ``slide``, ``mpp``, ``plane`` and ``fields``, each
with ``y``, ``x``, ``height``, ``width`` and ``centres``, level-0 px.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import AnnotationError, FocusQCError
from napari_focusqc.geometry import Region
from napari_focusqc.models.own_folder import own_data_folder
from napari_focusqc.results.beside import as_output_error, file_beside

FORMAT = 1
"""Version of the JSON; a reader refuses a newer one."""
MAX_BYTES = 64 << 20
"""More than this is not read: two million nuclei take less."""
MAX_FIELDS = 1000
_MAX_PX = 1 << 31
_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True, eq=False)
class ReviewedField:
    """A rectangle of a slide in which a person has checked every nucleus.

    Parameters
    ----------
    region
        Level-0 px; it may reach beyond the slide, as a view does.
    centres
        float32 (N, 2), (y, x) in level-0 px; whole numbers are the centres of pixels. None is no
        nucleus at all in the region, which is worth knowing too.

    Raises
    ------
    AnnotationError
        The centres are no such array, one is not finite, or one lies outside the region.
    """

    region: Region
    centres: NDArray[np.float32]

    def __post_init__(self) -> None:
        found = self.centres
        if found.dtype != np.float32 or found.ndim != 2 or found.shape[1] != 2:
            raise AnnotationError(
                f"the centres of a reviewed field are {found.dtype} {found.shape}; they must be "
                "float32 (N, 2), the (y, x) of each nucleus"
            )
        outside = ~inside(self.region, found)
        if outside.any():
            y, x = found[outside][0]
            raise AnnotationError(
                f"a nucleus at y {y:g}, x {x:g} px lies outside its reviewed field, "
                f"{_place(self.region)}; give the nuclei of the field alone"
            )


@dataclass(frozen=True, slots=True, eq=False)
class ReviewedFields:
    """All reviewed fields of one plane of a slide; no two of them share a pixel.

    Parameters
    ----------
    slide
        Name of the slide.
    mpp
        Micrometres per pixel of its level 0.
    plane
        Index of the plane that was looked at.
    fields
        In the order of reviewing, at most `MAX_FIELDS`.

    Raises
    ------
    AnnotationError
        Two fields overlap, there are too many, or the µm/px or the plane cannot be.
    """

    slide: str
    mpp: float
    plane: int
    fields: tuple[ReviewedField, ...] = ()

    def __post_init__(self) -> None:
        if not (isfinite(self.mpp) and self.mpp > 0 and 0 <= self.plane < _MAX_PX):
            raise AnnotationError(
                f"the fields of {self.slide} are said to have {self.mpp} µm/px and to be of plane "
                f"{self.plane}; the first must be above 0, the second 0 or above"
            )
        if len(self.fields) > MAX_FIELDS:
            raise AnnotationError(
                f"{self.slide} has {len(self.fields)} reviewed fields; at most {MAX_FIELDS} are "
                "kept, so take some away"
            )
        for one, other in combinations((field.region for field in self.fields), 2):
            if _overlap(one, other):
                raise AnnotationError(
                    f"the reviewed fields {_place(one)} and {_place(other)} overlap; a nucleus "
                    "must have one verdict, so take one of them away"
                )

    def with_field(self, field: ReviewedField) -> "ReviewedFields":
        """Return these fields and a new one, which takes the place of those that it covers.

        Raises
        ------
        AnnotationError
            It covers a part only of an earlier field, whose rest nobody has looked at again; or
            there are too many.
        """
        kept = [each for each in self.fields if not _covers(field.region, each.region)]
        for each in kept:
            if _overlap(each.region, field.region):
                raise AnnotationError(
                    f"the field shares a part with the reviewed field {_place(each.region)}; move "
                    "until that one is out of view or wholly in view, or take it away"
                )
        return replace(self, fields=(*kept, field))

    def without(self, region: Region) -> "ReviewedFields":
        """Return the fields that share no pixel with a level-0 region, such as one of theirs."""
        kept = tuple(each for each in self.fields if not _overlap(each.region, region))
        return replace(self, fields=kept)


def inside(region: Region, centres: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which points lie in a region; regions that touch share none and lose none.

    Parameters
    ----------
    region
        Level-0 px.
    centres
        float32 (N, 2), (y, x) in level-0 px; one that is not finite lies nowhere.

    Returns
    -------
    bool (N,)
    """
    corner = centres.astype(np.float64) + 0.5 - (region.y, region.x)
    within = (corner >= 0) & (corner < (region.height, region.width))
    return np.asarray(within.all(axis=1), bool)


def reviewed_path(slide_name: str) -> Path:
    """Return where the reviewed fields of a slide are kept, in the user's own data folder.

    Slides of one name share a file. What no file system minds is kept of the name; a digest tells
    apart those that then look alike.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", slide_name)[:_NAME_LENGTH]
    digest = hashlib.sha256(slide_name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return own_data_folder() / "reviewed" / f"nuclei-{plain}-{digest}.json"


def to_json(reviewed: ReviewedFields) -> str:
    """Return reviewed fields as one line of JSON, the same for the same fields."""
    fields = [
        asdict(field.region) | {"centres": field.centres.tolist()} for field in reviewed.fields
    ]
    values = {"slide": reviewed.slide, "mpp": reviewed.mpp, "plane": reviewed.plane}
    return json.dumps({"format": FORMAT, **values, "fields": fields}, allow_nan=False)


def save_reviewed(reviewed: ReviewedFields, path: str | Path) -> Path:
    """Write reviewed fields beside their file and rename; its folder is made where it is missing.

    Raises
    ------
    OutputError
        The folder is read-only or full, or `path` is a folder.
    """
    path = Path(path)
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with file_beside(path) as partial:
        partial.write_text(to_json(reviewed) + "\n", encoding="utf-8")
    return path


def load_reviewed(path: str | Path) -> ReviewedFields:
    """Read what `save_reviewed` wrote, exactly as it was.

    Raises
    ------
    AnnotationError
        There is no such file, it is no file of reviewed fields, is of a newer version, or damaged:
        a value is missing, of the wrong kind or absurd.
    """
    path = Path(path)
    values = _read(path)
    version = values.get("format")
    if type(version) is not int:
        raise AnnotationError(
            f"{path} holds no reviewed fields; give a file that “This view is reviewed” wrote"
        )
    if version > FORMAT:
        raise AnnotationError(
            f"{path} was written by a newer napari-focusqc (format {version}, this one knows "
            f"{FORMAT}); update napari-focusqc to open it"
        )
    try:
        return _reviewed(values)
    except (FocusQCError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise AnnotationError(
            f"{path} is damaged ({error}); move it away and review the fields again"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where the file holds something else."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AnnotationError(
            f"the reviewed fields {path} cannot be read ({error.strerror}); check the name and its "
            "permissions"
        ) from error
    try:
        values = json.loads(text) if len(text) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        values = None
    return values if isinstance(values, dict) else {}


def _reviewed(values: dict[str, Any]) -> ReviewedFields:
    """Build reviewed fields of a file's values, each of its kind."""
    slide, mpp, plane, fields = (values[name] for name in ("slide", "mpp", "plane", "fields"))
    if not (isinstance(slide, str) and isinstance(fields, list)):
        raise TypeError("it names no slide or lists no fields")
    if len(fields) > MAX_FIELDS:
        raise ValueError(f"it lists {len(fields)} fields")
    built = tuple(_field(each) for each in fields)
    return ReviewedFields(slide, float(_number(mpp)), _whole(plane), built)


def _field(values: dict[str, Any]) -> ReviewedField:
    sides = (_whole(values[name]) for name in ("y", "x", "height", "width"))
    points = [[_number(at) for at in (y, x)] for y, x in values["centres"]]
    with np.errstate(over="ignore"):  # what no float32 can hold lies in no region
        centres = np.array(points, np.float32).reshape(-1, 2)
    return ReviewedField(Region(*sides), centres)


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) >= _MAX_PX:
        raise TypeError(f"{value!r} is no number of pixels")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _overlap(one: Region, other: Region) -> bool:
    rows = one.y < other.bottom and other.y < one.bottom
    return rows and one.x < other.right and other.x < one.right


def _covers(one: Region, other: Region) -> bool:
    rows = one.y <= other.y and other.bottom <= one.bottom
    return rows and one.x <= other.x and other.right <= one.right


def _place(region: Region) -> str:
    return f"y {region.y}…{region.bottom}, x {region.x}…{region.right} px"
