"""Measure the paper's two findings on transfer: fine-tuning, and auxiliary data with γ.

Usage: python scripts/nucleus_studies.py --base DIR --target DIR --out DIR

Base and target are folders of annotated fields, as for `focusqc train micronet`. Each run is one
line of OUT/studies.csv; a run that is there is not done again, and one that was stopped goes on
from its checkpoint. OUT/studies.md has the tables, means over the seeds. F1 is that of the target's
images kept out of training, within 16 px at 40x, at the best ξ.
"""

import argparse
import copy
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from napari_focusqc.evaluation.figures_table import FiguresTable
from napari_focusqc.models.micronet import WIDTHS, MicroNet
from napari_focusqc.progress import finish
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.training.nucleus_fields import NucleusFields, read_nucleus_fields
from napari_focusqc.training.nucleus_loop import NucleusRun, fit_nuclei
from napari_focusqc.training.nucleus_recipe import divide_output, judged
from napari_focusqc.training.proximity import TRAINING_FACTOR

WAYS = {
    "from scratch": (False, 0),
    "fine-tuned whole": (True, 0),
    "first 2 blocks frozen": (True, 2),
    "all but the last 3 frozen": (True, 7),
}
SHARES = (0.1, 0.3, 1.0)
GAMMAS = (0.5, 1.0, 2.0, 4.0)
FEW = 0.2
"""Share of the target's fields where auxiliary data shall help."""
BASE = "base"
COLUMNS = ("study", "way", "share", "fields", "iterations", "seed", "f1", "distance_px", "xi")


@dataclass(frozen=True)
class Planned:
    """One training."""

    study: str
    way: str
    share: float
    iterations: int
    seed: int

    @property
    def name(self) -> str:
        """What its checkpoint is called."""
        return f"{self.study}-{self.way}-{self.share:g}-{self.iterations}-{self.seed}".replace(
            " ", "-"
        )

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell it from all others."""
        return self.study, self.way, f"{self.share:g}", str(self.iterations), str(self.seed)


@dataclass(frozen=True)
class Bench:
    """What every run has in common."""

    settings: MicroNetTraining
    target: NucleusFields
    base: NucleusFields
    out: Path

    def network(self) -> MicroNet:
        """Return a network with random weights."""
        torch.manual_seed(self.settings.seed)
        first = self.settings.width
        return MicroNet([first * width // WIDTHS[0] for width in WIDTHS])


def main() -> None:
    """Read the arguments, do the runs that are missing, write the tables."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = MicroNetTraining(
        data=options.target,
        out=options.out,
        mpp=options.mpp,
        schedule="short",
        iterations=options.base_iterations,
        learning_rate=options.learning_rate,
        crop=options.crop,
        width=options.width,
        device="auto",
    )
    bench = Bench(
        settings, read(options.target, settings), read(options.base, settings), options.out
    )
    base = pretrained(bench)
    for planned in plan(options.iterations, options.seeds):
        if planned.key not in done(options.out):
            add(options.out, measured(bench, planned, base))
            print(f"done: {planned.name}", flush=True)
    (options.out / "studies.md").write_text(tables(options.out), encoding="utf-8")
    print(f"wrote {options.out / 'studies.md'}")


def arguments() -> argparse.Namespace:
    """Declare what may be given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="fields to start from")
    parser.add_argument("--target", type=Path, required=True, help="fields to learn")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--mpp", type=float, default=0.5)
    parser.add_argument("--crop", type=int, default=104, help="side of the crops, px")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--base-iterations", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=300, help="of a run; also a quarter")
    parser.add_argument("--learning-rate", type=float, default=0.002)
    parser.add_argument("--seeds", type=int, default=2, help="of the runs with auxiliary data")
    return parser.parse_args()


def plan(iterations: int, seeds: int) -> Iterator[Planned]:
    """Yield the runs, the first study with one seed."""
    for share in SHARES:
        for way in WAYS:
            for steps in (max(iterations // 4, 20), iterations):
                yield Planned("fine-tuning", way, share, steps, 0)
    for seed in range(seeds):
        for way in ("target only", "pooled", *(f"gamma {gamma:g}" for gamma in GAMMAS)):
            yield Planned("auxiliary", way, FEW, iterations, seed)


def read(folder: Path, settings: MicroNetTraining) -> NucleusFields:
    """Read and part annotated fields."""
    return finish(
        read_nucleus_fields(
            folder,
            mpp=settings.mpp,
            data_mpp=settings.data_mpp,
            crop_px=settings.crop,
            validation=settings.validation,
            seed=settings.seed,
        )
    )


def pretrained(bench: Bench) -> MicroNet:
    """Train on the base's fields; its last checkpoint is the network."""
    return train(bench, bench.settings, bench.network(), (bench.base.training, ()), BASE)


def train(
    bench: Bench,
    settings: MicroNetTraining,
    network: MicroNet,
    fields: tuple[Any, Any],
    name: str,
) -> MicroNet:
    """Train on fields and auxiliary ones, from the checkpoint where there is one."""
    unseen = (bench.base if name == BASE else bench.target).validation
    told = f"{name} {settings.iterations} {settings.mpp:g} {settings.crop} {settings.width}"
    run = NucleusRun(settings, *fields, unseen, bench.out / f"{name}.pt", told)
    finish(fit_nuclei(network, run))
    return network


def measured(bench: Bench, planned: Planned, base: MicroNet) -> dict[str, Any]:
    """Do one run and measure it on the target's images kept out of training."""
    fields = bench.target.training
    some = fields[: max(round(planned.share * len(fields)), 1)]
    settings = replace(bench.settings, iterations=planned.iterations, seed=planned.seed)
    start, frozen = WAYS.get(planned.way, (False, 0))
    network = copy.deepcopy(base) if start else replace(bench, settings=settings).network()
    network.freeze(frozen)
    besides: tuple[Any, ...] = ()
    if planned.way == "pooled":
        some += bench.base.training
    elif planned.way.startswith("gamma"):
        settings = replace(settings, gamma=float(planned.way.split()[1]))
        besides = bench.base.training
    network = train(bench, settings, network, (some, besides), planned.name)
    divide_output(network, TRAINING_FACTOR)
    _, figures = judged(network, bench.target.validation, settings.mpp)
    (bench.out / f"{planned.name}.pt").unlink(missing_ok=True)
    return {
        **dict(zip(("study", "way", "share", "iterations", "seed"), planned.key, strict=True)),
        "fields": max(round(planned.share * len(fields)), 1),
        "f1": figures["f1_16px"],
        "distance_px": figures["distance_16px"],
        "xi": figures["xi"],
    }


def rows(out: Path) -> list[dict[str, str]]:
    """Return the runs that were done."""
    path = out / "studies.csv"
    if not path.is_file():
        return []
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def done(out: Path) -> set[tuple[str, ...]]:
    """Return the keys of the runs that were done."""
    names = ("study", "way", "share", "iterations", "seed")
    return {tuple(row[name] for name in names) for row in rows(out)}


def add(out: Path, row: dict[str, Any]) -> None:
    """Write a run down."""
    path = out / "studies.csv"
    fresh = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def tables(out: Path) -> str:
    """Return both studies as Markdown, means over the seeds."""
    pages = []
    for study in ("fine-tuning", "auxiliary"):
        every = [row for row in rows(out) if row["study"] == study]
        groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in every:
            key = row["way"], row["share"], row["fields"], row["iterations"]
            groups.setdefault(key, []).append(row)
        cells = tuple(
            (way, share, fields, steps, len(some), *(_mean(some, n) for n in ("f1", "distance_px")))
            for (way, share, fields, steps), some in groups.items()
        )
        heads = ("way", "share", "fields", "iterations", "seeds", "F1, 16 px", "distance, px")
        pages.append(FiguresTable(f"Study: {study}", heads, cells).markdown())
    return "\n".join(pages)


def _mean(some: list[dict[str, str]], name: str) -> float:
    return mean(float(row[name]) for row in some)


if __name__ == "__main__":
    main()
