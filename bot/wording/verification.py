"""How a verification reads: what is as it was, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

from bot.model import Finding, Promotion, Verdict
from bot.wording.text import code, listed, plural, prose

_NAMES = {
    "reclustering": "automatic clustering",
    "clustering": "clustering key",
    "retention": "retention of Time Travel",
}


def _name(finding: Finding) -> str:
    part = finding.name.removeprefix("verification:")
    return _NAMES.get(part, part)


def verified(promotion: Promotion) -> str:
    """3,032 rows, hash equal to the candidate; grants, owner, tags and policies unchanged."""
    passed = [_name(f) for f in promotion.findings if f.verdict is Verdict.PASS]
    parts = []
    if promotion.after is not None and "content" in passed:
        parts.append(f"{plural(promotion.after.content.rows, 'row')}, hash equal to the candidate (64 bit)")
    kept = [n for n in passed if n in ("grants", "owner", "policies", "tags", "kind", "comment")]
    if kept:
        parts.append(f"{listed(kept)} unchanged")
    views = next((f for f in promotion.findings if f.name == "verification:views"), None)
    never = _strings(views.numbers.get("silent")) if views is not None else []
    if views is not None and views.verdict is not Verdict.FAIL and views.numbers.get("read"):
        parts.append(plural(int(str(views.numbers["read"])), "view on it still answers", "views on it still answer"))
    if never:
        parts.append(f"not readable before either, so not checked: {listed([code(v) for v in never], most=6)}")
    if unknown := [name for name in unseen(promotion) if name != "views" or not never]:
        parts.append(f"{listed(unknown)} not visible to the promoter")
    return "; ".join(parts)


def unseen(promotion: Promotion) -> list[str]:
    """What could not be compared with how it was."""
    return [_name(f) for f in promotion.findings if f.verdict is Verdict.UNKNOWN]


def faulty(failed: Sequence[Finding]) -> str:
    """One line per thing that is not as it was."""
    return "\n".join(f"• {_failure(f)}" for f in failed)


def _failure(finding: Finding) -> str:
    name, numbers = _name(finding), finding.numbers
    if name == "content":
        return (
            f"content: prod has {plural(int(str(numbers['rows'])), 'row')}, the candidate "
            f"{int(str(numbers['expected_rows'])):,}; they are not equal"
        )
    if name == "views":
        return f"views that no longer answer: {listed([code(v) for v in _strings(numbers['broken'])])}"
    return f"{name}: was {prose(numbers['before'], 120)}, is {prose(numbers['after'], 120)}"


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
