"""The help text, generated from the grammar so that it cannot lag behind."""

from __future__ import annotations

from bot.commands import GRAMMAR, OPTIONS
from bot.wording.requests import COMMAND, command
from bot.wording.text import code

DOES = {
    "": "rebuild the whole model in dev, prove it against production, and wait for an approval",
    "backfill": "the same from that day on; the rows before it must stay identical",
    "form": "a form that searches as you type",
    "plan": "show the tables, the statements and who reads it; nothing is built, nothing is changed",
    "status": "how one refresh stands, or everything that is going on",
    "list": "the last refreshes, with links to their threads",
    "cancel": "stop it; production stays as it is",
    "hold": "freeze a model: nobody can refresh it",
    "unhold": "lift that",
    "help": "this text",
}
MEANS = {
    "columns": "repair these columns only (backfill)",
    "at": "the dates that are wrong: they pick the row, the picture and the spot check",
    "warehouse": "build on another warehouse",
    "reason": "why, for the card",
}


def text() -> str:
    forms = [f"• {code(f'{COMMAND} {u.form}'.strip())}: {DOES[u.word]}" for u in GRAMMAR]
    options = [f"• {code(f'{name}={example}')}: {MEANS[name]}" for name, example in OPTIONS.items()]
    return "\n".join(
        [
            "*Refresh a dbt model in production, safely.* It is rebuilt in dev and compared with production; only an "
            "approval by somebody else swaps it in, and it can be undone.",
            "",
            *forms,
            "\n*Options, in any order*",
            *options,
            f"\n{code('<model>')} is the dbt name or the table as you see it: {command('ethereum.ez_metrics backfill 2026-04-08')}.",
            f"\n{_update_by_hand()}",
        ]
    )


def _update_by_hand() -> str:
    return (
        "*When a targeted UPDATE is simpler:* one or two values are wrong, the right ones are known, and the source will "
        "not be corrected, so that dbt would only compute the wrong value again. A refresh is right when the source is right."
    )
