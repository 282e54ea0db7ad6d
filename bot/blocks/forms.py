"""The forms (modals) as plain dicts within Slack's limits. What they carry is ids, revision and digest only.

Each form's `callback_id` is the click's action; block ids and action ids of its inputs are the payload's names.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from bot.blocks.kit import Option, carried, option, plain, section, select
from bot.index import Entry
from bot.messages import Block
from bot.model import Loss, Mode, Refresh, Request
from bot.report import blockers
from bot.settings import Settings
from bot.wording import findings
from bot.wording import forms as say
from bot.wording.approval import REASONS
from bot.wording.sentences import called
from bot.wording.text import plain as unmarked

OPTIONS = 100
TEXT = 1_000


def ask_form(settings: Settings, request: Request | None, chosen: Entry | None, channel: str) -> Block:
    """The form of `/dbt-refresh` alone, or with what was already said filled in. Without a channel it asks for one."""
    meta = {"c": channel, "f": request.from_refresh if request else None}
    blocks = [
        _input("model", say.MODEL, _typeahead(chosen), hint=say.MODEL_HINT),
        _input("mode", say.MODE, _modes(request.mode if request else Mode.FULL_REFRESH)),
        _input(
            "since", say.SINCE, _date("since", request.since if request else None), optional=True, hint=say.SINCE_HINT
        ),
        _input(
            "columns",
            say.COLUMNS,
            _text("columns", ",".join(request.columns) if request else ""),
            optional=True,
            hint=say.COLUMNS_HINT,
        ),
        _input(
            "at",
            say.AT,
            _date("at", request.at[0] if request and request.at else None),
            optional=True,
            hint=say.AT_HINT,
        ),
    ]
    if settings.warehouse.warehouses:
        blocks.append(_input("warehouse", say.WAREHOUSE, _warehouses(settings, request), optional=True))
    reason = _text("reason", request.reason if request else "", placeholder=say.REASON_PLACEHOLDER)
    blocks.append(_input("reason", say.REASON, reason, optional=True))
    if not channel:
        blocks.append(_input("channel", say.CHANNEL, _channels()))
    return _view("ask", say.ASK_TITLE, blocks, meta)


def explain_form(refresh: Refresh, settings: Settings) -> Block:
    """All groups without an explanation are chosen already; one reason serves those that are."""
    shows = settings.slack.post_rows == "top"
    groups = refresh.report.groups[:OPTIONS] if refresh.report else ()
    explained = {x.group for x in refresh.explanations}
    items = [Option(label=say.group(g), value=g.id, note=say.group_note(g, shows)) for g in groups]
    chosen = [i for i in items if i.value not in explained] or items
    choice = {
        "type": "multi_static_select",
        "action_id": "groups",
        "placeholder": plain(say.GROUPS_PLACEHOLDER),
        "options": [option(i) for i in items],
        "initial_options": [option(i) for i in chosen],
    }
    reasons = select("reason", say.EXPLANATION_PLACEHOLDER, [Option(label=w, value=r) for r, w in REASONS.items()])
    blocks = [
        section(say.explain_intro(refresh, groups, shows)),
        _input("groups", say.GROUPS, choice),
        _input("reason", say.EXPLANATION, reasons),
        _input("note", say.NOTE, _text("note", long=True), optional=True, hint=say.NOTE_HINT),
    ]
    return _view("explain", say.EXPLAIN_TITLE, blocks, _meta(refresh))


def waive_form(refresh: Refresh, settings: Settings) -> Block:
    """One finding at a time, of those that block and may be waived."""
    open_names = [b.name for b in blockers(refresh, settings) if b.kind == "finding" and b.waivable][:OPTIONS]
    by_name = {f.name: f for f in refresh.report.findings} if refresh.report else {}
    choice = select("finding", say.FINDING, [Option(label=called(n), value=n) for n in open_names])
    choice["initial_option"] = choice["options"][0]
    lines = [f"• {findings.line(by_name[n])}" for n in open_names if n in by_name]
    blocks = [
        section("\n".join([say.waive_intro(refresh), *lines])),
        _input("finding", say.FINDING, choice),
        _input("reason", say.WAIVE_REASON, _text("reason", long=True)),
    ]
    return _view("waive", say.WAIVE_TITLE, blocks, _meta(refresh))


def reject_form(refresh: Refresh) -> Block:
    return _reason_form("reject", say.REJECT_TITLE, say.reject_intro(refresh), say.REJECT_REASON, refresh)


def accept_form(refresh: Refresh) -> Block:
    return _reason_form("accept", say.ACCEPT_TITLE, say.accept_intro(refresh), say.ACCEPT_REASON, refresh)


def undo_form(refresh: Refresh) -> Block:
    return _reason_form("undo", say.UNDO_TITLE, say.undo_intro(refresh), say.UNDO_REASON, refresh)


def undo_forced_form(refresh: Refresh, loss: Loss) -> Block:
    """Undo although others wrote since: names what is lost and wants the model's name typed."""
    blocks = [
        section(say.undo_forced_intro(refresh, loss)),
        _input("reason", say.UNDO_REASON, _text("reason", long=True)),
        _input("name", say.undo_typed(refresh.name), _text("name")),
    ]
    return _view("undo_forced", say.UNDO_FORCED_TITLE, blocks, _meta(refresh))


def settle_form(action: str, refresh: Refresh) -> Block:
    """A person says whether the statement happened, and how they know."""
    if action == "happened":
        return _reason_form(action, say.HAPPENED_TITLE, say.happened_intro(refresh), say.SETTLE_NOTE, refresh)
    return _reason_form(action, say.NOT_HAPPENED_TITLE, say.not_happened_intro(refresh), say.SETTLE_NOTE, refresh)


def _reason_form(action: str, title: str, intro: str, label: str, refresh: Refresh) -> Block:
    blocks = [section(intro), _input("reason", label, _text("reason", long=True))]
    return _view(action, title, blocks, _meta(refresh))


def _meta(refresh: Refresh) -> dict[str, object]:
    return {**carried(refresh), "c": refresh.channel}


def _view(action: str, title: str, blocks: Sequence[Block], meta: dict[str, object]) -> Block:
    return {
        "type": "modal",
        "callback_id": action,
        "title": plain(title, 24),
        "submit": plain(say.SUBMIT[action], 24),
        "close": plain(say.CLOSE, 24),
        "private_metadata": json.dumps(meta, separators=(",", ":")),
        "blocks": list(blocks)[:100],
    }


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(unmarked(label), 2_000),
        "element": element,
        "optional": optional,
    }
    return block | ({"hint": plain(hint, 2_000)} if hint else {})


def _text(name: str, initial: str = "", *, long: bool = False, placeholder: str = "") -> Block:
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": long, "max_length": TEXT}
    element |= {"initial_value": initial[:TEXT]} if initial else {}
    return element | ({"placeholder": plain(placeholder, 150)} if placeholder else {})


def _date(name: str, initial: date | None) -> Block:
    return {"type": "datepicker", "action_id": name} | ({"initial_date": initial.isoformat()} if initial else {})


def _typeahead(chosen: Entry | None) -> Block:
    element: Block = {
        "type": "external_select",
        "action_id": "model",
        "placeholder": plain(say.MODEL_PLACEHOLDER),
        "min_query_length": 2,
    }
    return element | ({"initial_option": model_option(chosen)} if chosen else {})


def model_option(entry: Entry) -> Block:
    """One line of the typeahead. The value is the dbt name where the unique id would be cut."""
    value = entry.unique_id if len(entry.unique_id) <= 150 else f"{entry.package}.{entry.name}"
    return option(Option(label=entry.name, value=value, note=str(entry.prod or "")))


def _modes(mode: Mode) -> Block:
    items = [Option(label=say.FULL_REFRESH, value=Mode.FULL_REFRESH), Option(label=say.BACKFILL, value=Mode.BACKFILL)]
    options = [option(i) for i in items]
    initial = options[1] if mode is Mode.BACKFILL else options[0]
    return {"type": "radio_buttons", "action_id": "mode", "options": options, "initial_option": initial}


def _warehouses(settings: Settings, request: Request | None) -> Block:
    items = [Option(label=w, value=w) for w in settings.warehouse.warehouses]
    element = select("warehouse", say.WAREHOUSE_PLACEHOLDER, items)
    given = [o for o in element["options"] if request and o["value"].upper() == request.warehouse.upper()]
    return element | ({"initial_option": given[0]} if given else {})


def _channels() -> Block:
    return {"type": "conversations_select", "action_id": "channel", "default_to_current_conversation": True}
