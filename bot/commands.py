"""The grammar of /dbt-refresh: text in, a frozen command out, or one sentence that says what to do instead; pure.

It forgives what phones and Slack do to typed text: curly quotes, long dashes, auto-linked names, any case.
Looking a model up in the index is in `lookup.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from bot.errors import Refusal
from bot.model import Mode, Request
from bot.typed import Token, dashed, straight, tokens
from bot.wording import requests as say


@dataclass(frozen=True, slots=True)
class Usage:
    """One row of the grammar; `help` is generated from these."""

    word: str  # "" for the refresh itself
    form: str


GRAMMAR = (
    Usage("", "<model>"),
    Usage("backfill", "<model> backfill <date>"),
    Usage("form", ""),
    Usage("plan", "plan <model> ..."),
    Usage("status", "status [id]"),
    Usage("list", "list"),
    Usage("cancel", "cancel <id>"),
    Usage("hold", "hold <model>"),
    Usage("unhold", "unhold <model>"),
    Usage("help", "help"),
)
OPTIONS = {"columns": "a,b", "at": "2026-04-08", "warehouse": "ANALYTICS_XL", "reason": '"frozen batch"'}
MODES = {
    "full-refresh": Mode.FULL_REFRESH,
    "full_refresh": Mode.FULL_REFRESH,
    "full": Mode.FULL_REFRESH,
    "backfill": Mode.BACKFILL,
}
_IN_THREAD = frozenset({"approve", "reject", "explain", "waive", "undo"})


@dataclass(frozen=True, slots=True)
class Ask:
    request: Request


@dataclass(frozen=True, slots=True)
class PlanOnly:
    """Resolve and show, change nothing."""

    request: Request


@dataclass(frozen=True, slots=True)
class Form:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Status:
    refresh: int | None  # None: everything that is going on


@dataclass(frozen=True, slots=True)
class List:
    pass


@dataclass(frozen=True, slots=True)
class Cancel:
    refresh: int


@dataclass(frozen=True, slots=True)
class Hold:
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unhold:
    model: str
    reason: str


Command = Ask | PlanOnly | Form | Help | Status | List | Cancel | Hold | Unhold


_DATE = re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})\Z")
_LIKE_A_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\Z|\d{8}\Z")
_IDENTIFIER = re.compile(r"[^\W\d][\w$]*\Z")
_ID = re.compile(r"#?[Rr]?#?(\d{1,9})\Z")


def parse(text: str, today: date) -> Command:
    """Read what stands after /dbt-refresh; `today` is the UTC date.

    Raises Refusal with one sentence when it cannot be read.
    """
    words = tokens(text)
    if not words:
        return Form()
    first, rest = words[0], words[1:]
    verb = "" if first.key or first.quoted else dashed(first.value).lower().lstrip("-")
    if verb == "help" or first.value == "?":
        return Help()
    if verb == "list" and not rest:
        return List()
    if verb == "status":
        return Status(_id(verb, rest) if rest else None)
    if verb == "cancel":
        return Cancel(_id(verb, rest))
    if verb in _IN_THREAD and (not rest or _ID.match(rest[0].value)):
        raise Refusal(say.pressed_in_thread(verb))
    if verb == "plan":
        return PlanOnly(_request(rest, today, verb))
    if verb in ("hold", "unhold"):
        request = _request(rest, today, verb)
        return (Hold if verb == "hold" else Unhold)(request.model, request.reason)
    return Ask(_request(words, today))


def write(request: Request) -> str:
    """The command text that asks for `request`: `parse(write(r)).request` equals `r` without `from_refresh`.

    But for the quotes of a reason, which become single ones: whatever it holds, it ends where its own quote ends.
    """
    parts = [request.model]
    if request.mode is Mode.BACKFILL:
        parts.append(f"backfill {request.since.isoformat()}" if request.since else "backfill")
    if request.columns:
        parts.append(f"columns={','.join(request.columns)}")
    if request.at:
        parts.append(f"at={','.join(d.isoformat() for d in request.at)}")
    if request.warehouse:
        parts.append(f"warehouse={request.warehouse}")
    if request.reason:
        reason = straight(request.reason).replace('"', "'")
        parts.append(f'reason="{reason}"')
    return " ".join(parts)


def _id(verb: str, rest: list[Token]) -> int:
    if not rest:
        raise Refusal(say.id_missing(verb))
    match = _ID.match(rest[0].value)
    if not match or len(rest) > 1 or rest[0].key:
        raise Refusal(say.not_an_id(verb, " ".join(t.value for t in rest)))
    return int(match[1])


@dataclass(slots=True)
class _Draft:
    """What has been read of a request so far; `open` is the option that takes the next bare words."""

    model: str = ""
    modes: set[Mode] = field(default_factory=set)
    dates: list[date] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    open: str = ""


def _request(words: list[Token], today: date, verb: str = "") -> Request:
    draft = _Draft()
    for token in words:
        if token.key:
            _option(draft, token)
        elif draft.open == "reason" and not _flag(token):
            draft.options["reason"].append(token.value)
        else:
            _word(draft, token, today)
    if not draft.model:
        raise Refusal(say.no_model(verb))
    return _checked(draft, today)


def _flag(token: Token) -> bool:
    word = dashed(token.value)
    return not token.quoted and word.startswith("-") and word.lstrip("-").lower() in {*OPTIONS, *MODES}


def _option(draft: _Draft, token: Token) -> None:
    if token.key not in OPTIONS:
        close = difflib.get_close_matches(token.key, OPTIONS, n=1, cutoff=0.6)
        raise Refusal(say.unknown_option(token.key, close[0] if close else ""))
    _open(draft, token.key)
    if token.value:
        draft.options[token.key].append(token.value)
    if token.quoted or (token.key == "warehouse" and token.value):
        draft.open = ""


def _open(draft: _Draft, option: str) -> None:
    if option in draft.options:
        raise Refusal(say.option_twice(option))
    draft.options[option] = []
    draft.open = option


def _word(draft: _Draft, token: Token, today: date) -> None:
    """One bare word: a mode, a date, the model, or more of the option that is open."""
    word = token.value if token.quoted else dashed(token.value)
    plain = word.strip("`,;").lower()
    if not plain:
        return
    if plain.lstrip("-") in MODES:
        draft.modes.add(MODES[plain.lstrip("-")])
        draft.open = ""
    elif plain == "refresh" and Mode.FULL_REFRESH in draft.modes:
        return  # "full refresh" as two words
    elif plain.lstrip("-") in OPTIONS and (draft.model or plain.startswith("-")) and plain not in draft.options:
        _open(draft, plain.lstrip("-"))
    elif draft.open and (draft.model or draft.open != "columns") and not _closes(draft, plain):
        draft.options[draft.open].append(word)
        draft.open = "" if draft.open == "warehouse" else draft.open
    elif _LIKE_A_DATE.match(plain):
        draft.dates.append(_date(plain, today))
    elif not draft.model:
        draft.model, draft.open = _model(word), ""
    elif Mode.BACKFILL in draft.modes and not draft.dates and not draft.open:
        raise Refusal(say.not_a_date(token.value))
    else:
        raise Refusal(say.word_too_many(token.value, draft.model))


def _closes(draft: _Draft, plain: str) -> bool:
    """Whether a word cannot belong to the open option, so that it stands for itself."""
    parts = [p for p in plain.split(",") if p]
    if draft.open == "at":
        return not all(p[:1].isdigit() for p in parts)
    return draft.open == "columns" and bool(_LIKE_A_DATE.match(plain))


def _model(word: str) -> str:
    if word[:1] in ("@", "#", "!") or "://" in word:
        raise Refusal(say.not_a_model(word))
    name = re.sub(r'["`\']', "", word).strip(".,;:")
    if not name or len(name) > 400 or name.startswith("-"):
        raise Refusal(say.not_a_model(word[:80]))
    return name


def _date(text: str, today: date) -> date:
    match = _DATE.match(dashed(text))
    try:
        when = date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        when = None
    if when is None:
        raise Refusal(say.not_a_date(text))
    if when > today:
        raise Refusal(say.in_the_future(when, today))
    return when


def listed(text: str) -> list[str]:
    """Names or dates as people write a list of them, without quotes, blanks and repeats."""
    words = [p.strip("`'\"") for p in re.split(r"[,;\s]+", straight(text))]
    return list(dict.fromkeys(w for w in words if w))


def is_name(word: str) -> bool:
    """Whether it may be a column's or a warehouse's name, as people write it without quotes."""
    return len(word) <= 255 and _IDENTIFIER.match(word) is not None


def _parts(draft: _Draft, option: str) -> list[str]:
    """The values of a list option."""
    found = listed(" ".join(draft.options.get(option, ())))
    if option in draft.options and not found:
        raise Refusal(say.option_empty(option, OPTIONS[option]))
    return found


def _checked(draft: _Draft, today: date) -> Request:
    """The request, once everything about it that needs no project is known to be sound."""
    columns = _each(_parts(draft, "columns"), say.not_a_column)
    warehouse = _each(_parts(draft, "warehouse"), say.not_a_warehouse)
    if len(warehouse) > 1:
        raise Refusal(say.word_too_many(warehouse[1], draft.model))
    at = tuple(_date(text, today) for text in _parts(draft, "at"))
    mode, since = _mode(draft, at, columns, today)
    return Request(
        model=draft.model,
        mode=mode,
        since=since,
        columns=columns,
        at=tuple(dict.fromkeys(at)),
        warehouse=warehouse[0] if warehouse else "",
        reason=" ".join(" ".join(draft.options.get("reason", ())).split()),
    )


def _each(words: list[str], complaint: Callable[[str], str]) -> tuple[str, ...]:
    for word in words:
        if not is_name(word):
            raise Refusal(complaint(word[:80]))
    return tuple(words)


def _mode(draft: _Draft, at: tuple[date, ...], columns: tuple[str, ...], today: date) -> tuple[Mode, date | None]:
    if len(draft.modes) > 1:
        raise Refusal(say.both_modes())
    example = at[0] if at else today - timedelta(days=1)
    if Mode.BACKFILL in draft.modes:
        since = _since(draft, example)
        early = next((d for d in at if d < since), None)
        if early:
            raise Refusal(say.before_the_window(early, since))
        return Mode.BACKFILL, since
    if draft.dates:
        raise Refusal(say.date_without_mode(draft.model, draft.dates[0]))
    if columns:
        raise Refusal(say.columns_need_backfill(draft.model, example))
    return Mode.FULL_REFRESH, None


def _since(draft: _Draft, example: date) -> date:
    if not draft.dates:
        offer = f"{draft.model} backfill {example.isoformat()}"
        raise Refusal(say.backfill_needs_date(draft.model, example), offers=(offer,))
    if len(draft.dates) > 1:
        raise Refusal(say.two_dates(draft.dates[0], draft.dates[1]))
    return draft.dates[0]
