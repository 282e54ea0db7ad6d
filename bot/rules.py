"""How a model's result is compared: its own settings over refresh.toml over what dbt declares; pure.

Every column is given back as the warehouse writes it, and the grain and the date say where they came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.errors import Refusal
from bot.index import Entry
from bot.model import Column, Origin, Rules
from bot.settings import ModelSection, Settings
from bot.wording import refusals as say

_NONE = Origin(columns=(), source="none")
_DATES = ("DATE", "TIMESTAMP", "DATETIME")


def rules(entry: Entry, settings: Settings, columns: Sequence[Column]) -> Rules:
    """The model's settings. `columns` are those of the production table.

    Raises Refusal when a setting names a column that is not there or has the wrong shape: guessing on would compare
    something else than what was meant.
    """
    return _Reading(entry, settings.for_model(entry.name), columns).rules()


def spot_checks(entry: Entry, settings: Settings) -> tuple[str, ...]:
    """Names of the model's spot checks, known before the table is (they are compiled with the model)."""
    return _Reading(entry, settings.for_model(entry.name), ()).names("spot_check")


class _Reading:
    def __init__(self, entry: Entry, section: ModelSection | None, columns: Sequence[Column]) -> None:
        self.entry, self.columns = entry, columns
        self.own: Mapping[str, Any] = entry.meta
        self.toml: Mapping[str, Any] = section.model_dump(exclude_defaults=True) if section else {}
        self.exact = {column.name.upper(): column.name for column in columns}

    def rules(self) -> Rules:
        grain = self._grain()
        outliers = {**self._mapping("outliers", self.toml), **self._mapping("outliers", self.own)}
        given = {name: self._number(f"outliers.{name}", value) for name, value in outliers.items()}
        quorum = self.own.get("quorum")
        return Rules(
            grain=grain,
            date_column=self._date_column(grain),
            metrics=self._columns("metrics"),
            sanity=self._limits("sanity"),
            report_over=given.get("report_over", 0.01),
            explain_over=given.get("explain_over", 0.05),
            top=int(given.get("top", 20)),
            min_abs=given.get("min_abs", 0.0),
            tolerance=self._limits("tolerance"),
            clock=self._columns("clock"),
            spot_check=self.names("spot_check"),
            approvers=self._list("approvers", self.own),
            quorum=None if quorum is None else self._count("quorum", quorum),
        )

    def _grain(self) -> Origin:
        for source, values in (("meta", self.own), ("refresh.toml", self.toml)):
            if given := self._list("grain", values):
                return Origin(columns=self._existing("grain", given), source=source)
        for source, claimed in self.entry.grain_claims:
            if known := self._all_known(claimed):
                return Origin(columns=known, source=source)
        return _NONE

    def _date_column(self, grain: Origin) -> Origin:
        for source, values in (("meta", self.own), ("refresh.toml", self.toml)):
            if given := self._list("date_column", values):
                return Origin(columns=self._existing("date_column", given[:1]), source=source)
        for source, claimed in self.entry.date_claims:
            if (known := self._all_known((claimed,))) and self._is_date(known[0]):
                return Origin(columns=known, source=source)
        dates = [column for column in grain.columns if self._is_date(column)]
        return Origin(columns=(dates[0],), source=grain.source) if len(dates) == 1 else _NONE

    def _is_date(self, name: str) -> bool:
        return any(c.name == name and c.type.upper().startswith(_DATES) for c in self.columns)

    def _columns(self, setting: str) -> tuple[str, ...]:
        return self._existing(setting, self.names(setting))

    def names(self, setting: str) -> tuple[str, ...]:
        return self._list(setting, self.own) or self._list(setting, self.toml)

    def _list(self, setting: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        value = values.get(setting)
        if not value:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise Refusal(say.setting_shape(self.entry.name, setting))

    def _mapping(self, setting: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        value = values.get(setting) or {}
        if not isinstance(value, Mapping):
            raise Refusal(say.setting_shape(self.entry.name, setting))
        return value

    def _limits(self, setting: str) -> dict[str, dict[str, float]]:
        """Numbers by column; one column's limits come from one place as a whole."""
        merged = {**self._mapping(setting, self.toml), **self._mapping(setting, self.own)}
        found: dict[str, dict[str, float]] = {}
        for column, limits in merged.items():
            if not isinstance(limits, Mapping):
                raise Refusal(say.setting_shape(self.entry.name, setting))
            (name,) = self._existing(setting, (column,))
            found[name] = {kind: self._number(f"{setting}.{column}.{kind}", value) for kind, value in limits.items()}
        return found

    def _number(self, setting: str, value: object) -> float:
        """YAML reads 1.0e12 as text, so text that is a number counts as one."""
        try:
            return float(str(value))
        except ValueError:
            raise Refusal(say.setting_not_a_number(self.entry.name, setting, value)) from None

    def _count(self, setting: str, value: object) -> int:
        number = self._number(setting, value)
        if not number.is_integer() or number < 1:
            raise Refusal(say.setting_not_a_number(self.entry.name, setting, value))
        return int(number)

    def _existing(self, setting: str, names: Iterable[str]) -> tuple[str, ...]:
        given = tuple(names)
        if unknown := [name for name in given if name.upper() not in self.exact]:
            raise Refusal(say.unknown_setting_columns(self.entry.name, setting, unknown))
        return tuple(self.exact[name.upper()] for name in given)

    def _all_known(self, names: Iterable[str]) -> tuple[str, ...]:
        found = tuple(self.exact.get(name.upper(), "") for name in names)
        return found if all(found) else ()
