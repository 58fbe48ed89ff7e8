"""Write constraints.txt: the version of everything that the package and its tests stand on.

Run in the environment whose tests have just passed: `make pins`.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HEADER = (
    "# The versions the tests run with. Written by `make pins`; pip install -c constraints.txt\n"
)
EXTRAS = ("", "all", "testing")


def closure(name: str, extras: tuple[str, ...], found: dict[str, tuple[str, set[str]]]) -> None:
    """Add `name` and all it needs to `found`: canonical name to version and extras walked."""
    try:
        here = distribution(name)
    except PackageNotFoundError:  # not needed on this platform's Python
        return
    _, walked = found.setdefault(canonicalize_name(name), (here.version, set()))
    fresh = set(extras) - walked
    walked |= fresh
    for text in here.requires or []:
        need = Requirement(text)
        wanted = need.marker is None or any(need.marker.evaluate({"extra": e}) for e in fresh)
        if fresh and wanted:
            closure(need.name, ("", *need.extras), found)


def main() -> None:
    """Pin the closure of napari-focusqc[all,testing]; a local tag such as +cpu is left out."""
    found: dict[str, tuple[str, set[str]]] = {}
    closure("napari-focusqc", EXTRAS, found)
    del found["napari-focusqc"]
    lines = [f"{name}=={Version(version).public}\n" for name, (version, _) in sorted(found.items())]
    Path("constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
