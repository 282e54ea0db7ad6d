"""A column as the comparison sees it: the families of types, how exactly it is compared, what may happen to it; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.model import Column

_NUMERIC = (
    "NUMBER",
    "DECIMAL",
    "NUMERIC",
    "INT",
    "BIGINT",
    "SMALLINT",
    "TINYINT",
    "BYTEINT",
    "FLOAT",
    "DOUBLE",
    "REAL",
)
_FLOAT = ("FLOAT", "DOUBLE", "REAL")
_NESTED = ("VARIANT", "OBJECT", "ARRAY")
_TEXT = ("VARCHAR", "TEXT", "CHAR", "STRING")
_LOCAL = ("DATE", "DATETIME", "TIMESTAMP_NTZ")  # no zone is needed to say which day it is
_FINEST = 1e-10  # a tolerance that the cut floats of `_sides.sql` can stand for


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    relative: float
    absolute: float


EXACT = Tolerance(relative=0.0, absolute=0.0)
NOISE = Tolerance(relative=1e-9, absolute=0.0)  # sums of floats differ from run to run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedColumn:
    """A column on both sides; `index` is its name in the statements (c0, c1 ...)."""

    index: int
    name: str
    type: str  # on the baseline
    key: bool
    clock: bool
    allowed: bool  # may change in the window: listed in backfill_columns, none listed, or a full refresh
    tolerance: Tolerance | None
    as_text: bool  # the two sides have different kinds of type
    as_json: bool
    float_: bool = False  # a float on one side at least, so that it may hold NaN and infinity
    one_type: str = ""  # what both sides are brought to inside a hash, where their types differ
    noisy: bool = False  # a float on one side at least whose tolerance lets the hash cut its last bits
    whole: bool = False  # a number without decimals on both sides

    @property
    def softened(self) -> bool:
        """Not hashed as it is, where it may change."""
        return self.allowed and not self.key and (self.clock or self.noisy)

    @property
    def numeric(self) -> bool:
        return is_numeric(self.type) and not self.as_text

    @property
    def text(self) -> bool:
        return base_type(self.type) in _TEXT


def base_type(text: str) -> str:
    """`NUMBER(38,2)` -> `NUMBER`."""
    return re.split(r"[(\s]", text.strip().upper(), maxsplit=1)[0]


def is_numeric(text: str) -> bool:
    return base_type(text) in _NUMERIC


def is_dated(text: str) -> bool:
    return base_type(text) == "DATE" or base_type(text).startswith("TIMESTAMP")


def has_decimals(text: str) -> bool:
    """A number of a scale: `NUMBER(38,2)`."""
    return _scale(text) > 0


def _scale(text: str) -> int:
    found = re.search(r",\s*(\d+)\)", text)
    return int(found[1]) if found else 0


def match(name: str, names: list[str]) -> str | None:
    """A column by the name people write: exactly, else in any case where only one fits."""
    if name in names:
        return name
    folded = [n for n in names if n.upper() == name.upper()]
    return folded[0] if len(folded) == 1 else None


def matched(wanted: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    return tuple(found for name in wanted if (found := match(name, names)))


def spelled(given: Mapping[str, dict[str, float]], names: list[str]) -> dict[str, dict[str, float]]:
    """What is set by column, by the names that the table has; a name that is none of them, or several, stays as it is."""
    return {match(name, names) or name: value for name, value in given.items()}


def scoped(
    index: int,
    column: Column,
    other: Column,
    keys: tuple[str, ...],
    clocks: tuple[str, ...],
    tolerances: Mapping[str, Mapping[str, float]],
    *,
    allowed: bool,
) -> ScopedColumn:
    as_text = _family(column.type) != _family(other.type)
    tolerance = _tolerance(column, other, tolerances.get(column.name)) if allowed and not as_text else None
    floats = [base_type(c.type) in _FLOAT for c in (column, other)]
    return ScopedColumn(
        index=index,
        name=column.name,
        type=column.type,
        key=column.name in keys,
        clock=column.name in clocks,
        allowed=allowed,
        tolerance=tolerance,
        as_text=as_text,
        as_json=not as_text and base_type(column.type) in _NESTED,
        whole=_whole(column.type) and _whole(other.type),
        float_=any(floats) and not as_text,
        one_type="" if as_text else _one_type(column.type, other.type),
        noisy=any(floats) and tolerance is not None and tolerance.relative >= _FINEST,
    )


def _one_type(type_: str, other: str) -> str:
    """What equal values of two types are alike in. "": as they are; Snowflake hashes a number whatever its precision."""
    if is_numeric(type_) and any(base_type(t) in _FLOAT for t in (type_, other)):
        return "" if base_type(type_) == base_type(other) else "FLOAT"
    if is_numeric(type_):
        scales = _scale(type_), _scale(other)
        return f"NUMBER(38,{max(scales)})" if scales[0] != scales[1] else ""
    if base_type(type_) != base_type(other) and all(map(is_dated, (type_, other))):
        return "TIMESTAMP_NTZ"
    return base_type(type_) if type_ != other and base_type(type_).startswith("TIME") else ""


def _whole(type_: str) -> bool:
    return is_numeric(type_) and base_type(type_) not in _FLOAT and not has_decimals(type_)


def _tolerance(column: Column, other: Column, given: Mapping[str, float] | None) -> Tolerance | None:
    if not is_numeric(column.type):
        return None
    if given is not None:
        return Tolerance(relative=float(given.get("rel", 0.0)), absolute=float(given.get("abs", 0.0)))
    if base_type(column.type) in _FLOAT or base_type(other.type) in _FLOAT:
        return NOISE
    return None


def _family(text: str) -> str:
    """Types whose values are compared as they are: a date is the midnight of its day."""
    base = base_type(text)
    if is_numeric(text):
        return "number"
    if base in _LOCAL:
        return "moment"
    return "text" if base in _TEXT else base
