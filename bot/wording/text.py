"""How words become Slack text: escaping, code, mentions, times, lists, and shortening that never breaks markup.

Everything that a person, dbt or the warehouse wrote passes `escape` (or `code`) here before it stands in mrkdwn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from bot.model import Actor

_ENTITY_TAIL = re.compile(r"&[a-z]{0,4}\Z")
_LINK_TAIL = re.compile(r"<[^<>]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
# They are not seen, or turn what follows around: two names that look alike need not be.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_USERINFO = re.compile(r"((?:https?|ftps?|git)://)[^\s/'\"]*@", re.IGNORECASE)
FENCE = "```"
# Slack has no way to escape these: a stray one would swallow the rest of the line as formatting. Underscores stay,
# names are made of them.
_LOOKALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "'"})


def escape(text: object) -> str:
    """The one place where foreign text becomes mrkdwn: no mention, no link, no channel alarm survives."""
    clean = visible(_CONTROL.sub(" ", str(text)))
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible(text: str) -> str:
    """Characters without a shape of their own, and those that change the direction, by their number: <U+200B>."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def prose(text: object, limit: int = 300) -> str:
    """Foreign text inside a sentence: on one line, escaped, without formatting characters of its own, cut at `limit`."""
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return escape(line).translate(_LOOKALIKE)


def without_credentials(text: str) -> str:
    """Without the user and the password or token of each URL in it."""
    return _USERINFO.sub(r"\1", text)


def code(text: object) -> str:
    """An inline code span around foreign text; a backtick inside would end it early."""
    inside = " ".join(str(text).replace("`", "'").split())
    return f"`{escape(inside)}`" if inside else "` `"


def fenced(text: str) -> str:
    """A preformatted block around foreign text."""
    return f"{FENCE}\n{escape(text).replace(FENCE, chr(39) * 3)}\n{FENCE}"


def mention(who: Actor | str) -> str:
    """A person or a user group; shown by Slack under the present name, so that a name is never stored."""
    user_id = who if isinstance(who, str) else who.user_id
    clean = re.sub(r"[^A-Za-z0-9]", "", user_id)
    return f"<!subteam^{clean}>" if clean.startswith("S") else f"<@{clean}>"


def day(when: date) -> str:
    return when.isoformat()


def clock(when: datetime, now: datetime | None = None) -> str:
    """A time of day in UTC; with the date where it is not the day of `now`."""
    when = when.astimezone(UTC)
    if now is not None and (offset := (when.date() - now.astimezone(UTC).date()).days):
        word = {1: "tomorrow ", -1: "yesterday "}.get(offset, f"{when:%Y-%m-%d} ")
        return f"{word}{when:%H:%M} UTC"
    return f"{when:%H:%M} UTC"


def hour(when: datetime) -> str:
    """A time of day in UTC that stands beside another one, which says that it is UTC."""
    return f"{when.astimezone(UTC):%H:%M}"


def lasted(seconds: float) -> str:
    """A measured duration as on a stopwatch: 1:06, 1:02:09."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def ago(span: timedelta) -> str:
    """How long ago, roughly: just now, 3 min ago, 2 h ago, 4 days ago."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def span(length: timedelta) -> str:
    """A setting's length: 30 minutes, 24 hours, 7 days."""
    seconds = int(length.total_seconds())
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or seconds == size:
            return plural(round(seconds / size), word)
    return plural(seconds, "second")


def plural(count: int, word: str, many: str = "") -> str:
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def listed(words: Iterable[str], last: str = "and", most: int = 8) -> str:
    """a, b and c; beyond `most` it ends in "and n more"."""
    items = list(words)
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most:,} more"]
        last = "and"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def sentences(*parts: str) -> str:
    """Parts joined by a space; those that have nothing to say are left out."""
    return " ".join(p for p in parts if p)


def ended(text: str) -> str:
    """With a full stop, whether or not whoever wrote it has set one."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def dotted(parts: Sequence[str]) -> str:
    """Short facts on one line; those that have nothing to say are left out."""
    return " · ".join(p for p in parts if p)


def plain(text: str) -> str:
    """mrkdwn as a person types it, for plain-text places such as form errors."""
    text = text.replace("`", "").replace("*", "")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def shorten(text: str, limit: int, rest: str = "in the details file") -> str:
    """Cut mrkdwn to `limit` characters at a line or word, never inside an entity, a mention or a code span.

    What was cut is said: "… 12 more lines in the details file".
    """
    if len(text) <= limit:
        return text
    note = f"\n… {text.count(chr(10)) + 1:,} more lines {rest}"  # the longest it can become
    room = max(0, limit - len(note) - len(FENCE) - 3)
    kept = text[:room]
    if text[room - 1 : room + 1] == "``":  # a part of a fence would be completed to one
        kept = kept.rstrip("`")
    if (line := kept.rfind("\n")) > room // 2 or (line := kept.rfind(" ")) > room // 2:
        kept = kept[:line]
    kept = _LINK_TAIL.sub("", _ENTITY_TAIL.sub("", kept)).rstrip()
    if kept.count(FENCE) % 2:
        kept += "\n" + FENCE
    elif kept.replace(FENCE, "").count("`") % 2:
        kept += "`"
    more = text.count("\n") - kept.count("\n")
    tail = f"\n… {plural(more, 'more line')} {rest}" if more > 0 else f" … the rest {rest}"
    return (kept + tail)[:limit]
