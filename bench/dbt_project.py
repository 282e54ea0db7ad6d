"""Writes a dbt project of the size and with the habits of real ones; seeded, every name our own.

Nothing of it is copied from anywhere, but its shape is what was measured on a public project of 3,268 models:
`generate_*_name` macros keyed on the target's name and an environment variable, a `ref` of its own, one model in ten
with `var(` in its config, parents named by literal three-part names or through sources that are production tables,
packages with equal model names, models disabled by a var, versioned and Python models, syntax that dbt deprecates.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench import dbt_texts as texts

DATABASES = 302
PER_FOLDER = 60
FIRST_CHAIN = "amber"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One generated model: where it lies in production, and the code that makes it."""

    name: str
    package: str
    kind: str  # stage, fact, ez, literal, by_source, python, disabled, versioned
    parents: tuple[str, ...]
    path: str
    sql: str


@dataclass
class Shape:
    """The project while it grows. `chains` name databases; layers only read what was made before them."""

    models: int
    rng: random.Random
    own_ref: bool = True
    made: list[Model] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)


def write(directory: Path, *, models: int = 1000, seed: int = 7, own_ref: bool = True) -> list[Model]:
    """Write the whole project into the empty `directory`; equal arguments write equal files.

    Without a `ref` of its own dbt reads most models with its static parser, as it does in ordinary projects.
    """
    shape = Shape(models=models, rng=random.Random(seed), own_ref=own_ref)
    for number in range(models):
        shape.made.append(_model(shape, number))
    for path, content in _files(shape):
        there = directory / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(content, encoding="utf-8")
    installed = directory / "dbt_packages"
    installed.mkdir()
    for package in texts.PACKAGES:
        (installed / package).symlink_to(Path("..") / "local" / package)
    return shape.made


def chain(number: int) -> str:
    """A made-up chain's name; each has a production database of its own."""
    return FIRST_CHAIN if number == 0 else f"{texts.STONES[number % len(texts.STONES)]}_{number:03d}"


def _model(shape: Shape, number: int) -> Model:
    rng = shape.rng
    place = chain(number // 12 % DATABASES)
    package = texts.PACKAGES[number % 2] if number % 50 in (48, 49) else texts.PROJECT
    kind = _kind(number)
    name = f"{_PREFIX[kind]}_{place}_{texts.SUBJECTS[number % len(texts.SUBJECTS)]}_{number:04d}"
    if package != texts.PROJECT:
        # The same name in both packages, as forks of one package have.
        name = f"fact_shared_{number // 50:03d}"
    parents = _parents(shape, kind, package, number)
    folder = f"models/{place}" if package == texts.PROJECT else f"local/{package}/models"
    suffix = "py" if kind == "python" else "sql"
    sql = texts.model(kind, place, number, parents, rng)
    return Model(name=name, package=package, kind=kind, parents=parents, path=f"{folder}/{name}.{suffix}", sql=sql)


_PREFIX = {
    "stage": "stg",
    "fact": "fact",
    "ez": "ez",
    "literal": "fact",
    "by_source": "fact",
    "python": "label",
    "disabled": "old",
    "versioned": "dim",
}


def _kind(number: int) -> str:
    if number % 10 == 9:
        return "ez"
    if number % 12 == 0:
        return "stage"
    if number % 11 == 7:
        return "literal" if number % 2 else "by_source"
    rare = {101: "python", 53: "disabled", 77: "versioned"}
    return rare.get(number % 125, "fact")


def _parents(shape: Shape, kind: str, package: str, number: int) -> tuple[str, ...]:
    """Names of models of the same package made before; the first fact of a chain is read by very many."""
    usable = [m for m in shape.made[-400:] if m.package == package and m.kind in ("stage", "fact", "ez")]
    if kind == "stage" or not usable:
        return ()
    count = 1 if kind in ("literal", "by_source", "python") else shape.rng.randint(1, 3)
    chosen = [m.name for m in shape.rng.sample(usable, min(count, len(usable)))]
    hub = next((m.name for m in shape.made if m.kind == "fact" and m.package == package), None)
    if hub and number % 4 == 0 and kind in ("fact", "ez"):
        chosen.append(hub)
    return tuple(dict.fromkeys(chosen))


def _files(shape: Shape) -> Iterator[tuple[str, str]]:
    yield "dbt_project.yml", texts.PROJECT_YML
    yield "profiles.yml", texts.PROFILES_YML
    yield "packages.yml", yaml.safe_dump({"packages": [{"local": f"local/{p}"} for p in texts.PACKAGES]})
    lock = {"packages": [{"local": f"local/{p}", "name": p} for p in texts.PACKAGES], "sha1_hash": "0" * 40}
    yield "package-lock.yml", yaml.safe_dump(lock)
    yield "macros/names.sql", texts.NAMES_SQL
    if shape.own_ref:
        yield "macros/ref.sql", texts.REF_SQL
    yield "macros/windows.sql", texts.WINDOWS_SQL
    for package in texts.PACKAGES:
        yield f"local/{package}/dbt_project.yml", texts.PACKAGE_YML.format(package=package)
    for model in shape.made:
        yield model.path, model.sql
    yield from _schemas(shape)
    yield "models/sources.yml", yaml.safe_dump(_sources(shape), sort_keys=False)
    yield "analyses/spot_check.sql", texts.ANALYSIS.format(model=next(m.name for m in shape.made if m.kind == "fact"))


def _schemas(shape: Shape) -> Iterator[tuple[str, str]]:
    """YAML files of up to PER_FOLDER models; tests in the older spelling, which dbt deprecates one by one."""
    ours = [m for m in shape.made if m.package == texts.PROJECT]
    for start in range(0, len(ours), PER_FOLDER):
        entries = [_described(m, n) for n, m in enumerate(ours[start : start + PER_FOLDER], start)]
        yield f"models/schema_{start:05d}.yml", yaml.safe_dump({"version": 2, "models": entries}, sort_keys=False)


def _described(model: Model, number: int) -> dict[str, object]:
    columns: list[dict[str, object]] = [{"name": "date", "tests": ["not_null"]}]
    if number % 3 == 0:
        columns.append({"name": "chain", "tests": [{"accepted_values": {"values": [FIRST_CHAIN, "other"]}}]})
    entry: dict[str, object] = {"name": model.name, "description": f"Made for measuring, {model.kind}."}
    if model.kind == "versioned":
        return entry | {"latest_version": 1, "versions": [{"v": 1, "defined_in": model.name}], "columns": columns}
    if number % 7 == 0:
        entry["config"] = {"meta": {"owner": f"team-{number % 5}"}, "tags": ["described"]}
    return entry | {"columns": columns}


def _sources(shape: Shape) -> dict[str, object]:
    """Raw tables, and production tables of models that somebody declared as sources."""
    raw = [{"name": f"{chain(n)}_events"} for n in range(max(1, min(DATABASES, shape.models // 12 + 1)))]
    prod = [
        {
            "name": f"prod_{chain(n)}",
            "database": chain(n),
            "schema": "PROD_raw",
            "tables": [{"name": m.name} for m in shape.made if m.kind == "fact" and m.path.split("/")[1] == chain(n)],
        }
        for n in range(min(DATABASES, shape.models // 12 + 1))
    ]
    landing = {"name": "landing", "database": "raw", "schema": "events", "tables": raw}
    return {"version": 2, "sources": [landing, *(s for s in prod if s["tables"])]}


def described(made: list[Model]) -> str:
    """What was written, as JSON: how many models of each kind."""
    kinds: dict[str, int] = {}
    for model in made:
        kinds[model.kind] = kinds.get(model.kind, 0) + 1
    return json.dumps(kinds, sort_keys=True)
