"""Is production now what was approved? Read in the session that replaced it (design section 5)."""

from __future__ import annotations

from dataclasses import replace

from bot.dependents import views
from bot.model import Content, Finding, Problem, Promotion, Refresh, Relation, Table, Verdict
from bot.session import Session, SqlError
from bot.wording import verification as say

_COMPARED = (
    "grants",
    "owner",
    "policies",
    "tags",
    "kind",
    "clustering",
    "reclustering",
    "comment",
    "retention",
    "keys",
)


def verify(session: Session, refresh: Refresh, promotion: Promotion, content: Content) -> tuple[Finding, ...]:
    """One finding each for production's `content` as it was just read, what hangs on the table, and the views that read it."""
    assert refresh.candidate is not None
    expected, now = refresh.candidate.content, session.table(refresh.prod)
    found = [_finding("content", content == expected, rows=content.rows, expected_rows=expected.rows)]
    found += _attributes(_expected(refresh, promotion.before, now), now)
    found.append(_views(session, refresh, promotion))
    return tuple(found)


def silent(session: Session, refresh: Refresh, prod: Table) -> tuple[str, ...]:
    """Views on production that cannot be read now: broken, or not for this role. Asked before the replacement."""
    assert refresh.plan is not None
    return tuple(str(view) for view in views(refresh.plan, prod) if not session.answers(view))


def _views(session: Session, refresh: Refresh, promotion: Promotion) -> Finding:
    """Every view that is known to read production still answers; one that never did proves nothing, nor does a hidden list."""
    before, mute = promotion.before, silent(session, refresh, promotion.before)
    assert refresh.plan is not None
    broken = [view for view in mute if view not in promotion.silent and _there(session, Relation.parse(view))]
    never = [view for view in mute if view in promotion.silent]
    passed = False if broken else None if never or before.views is None else True
    read = len(views(refresh.plan, before)) - len(mute)
    return _finding("views", passed, read=read, broken=broken, silent=never)


def _there(session: Session, view: Relation) -> bool:
    """Whoever drops a view meanwhile has not broken it."""
    try:
        return session.exists(view)
    except SqlError:
        return True


def _expected(refresh: Refresh, before: Table, now: Table | None) -> Table:
    """Prod as it was, but for what was said to change before the approval."""
    numbers = {f.name: f.numbers for f in refresh.report.findings} if refresh.report else {}
    lists = {name: _changed(getattr(before, name), numbers.get(f"safety:{name}", {})) for name in ("keys", "tags")}
    said = [name for name in _strings(numbers.get("safety:metadata", {}).get("changes")) if name in _COMPARED]
    return replace(before, **lists, **{name: getattr(now, name) for name in said}) if now else before


def _changed(before: tuple[str, ...] | None, said: dict[str, object]) -> tuple[str, ...] | None:
    if before is None:
        return None
    return tuple(sorted(set(before).difference(_strings(said.get("lost"))).union(_strings(said.get("added")))))


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _attributes(before: Table, now: Table | None) -> list[Finding]:
    """Grants, owner, policies, tags, kind, clustering, comment, before and after; not visible stays unknown."""
    found = []
    for name in _COMPARED:
        was, is_now = getattr(before, name), getattr(now, name) if now else None
        if now is not None and (was is None or is_now is None):
            found.append(_finding(name, None))
        else:
            found.append(_finding(name, now is not None and was == is_now, before=_text(was), after=_text(is_now)))
    return found


def problem(findings: tuple[Finding, ...]) -> Problem | None:
    """What makes production faulty, in words; None when every finding that could be seen passes."""
    failed = [f for f in findings if f.verdict is Verdict.FAIL]
    return Problem(kind="faulty", text=say.faulty(failed)) if failed else None


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _finding(name: str, passed: bool | None, **numbers: object) -> Finding:
    verdict = {True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.UNKNOWN}[passed]
    return Finding(
        check="verification",
        name=f"verification:{name}",
        verdict=verdict,
        blocks=verdict is Verdict.FAIL,
        waivable=False,
        numbers=numbers,
    )
