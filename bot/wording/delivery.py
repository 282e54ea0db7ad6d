"""What is said where Slack does not take, or no longer has, a message of the bot."""

from __future__ import annotations

from bot.messages import Live
from bot.wording.requests import command
from bot.wording.text import code as quoted

_NAMES = {
    Live.CARD: "card",
    Live.PLAN: "plan",
    Live.APPROVAL: "approval post",
    Live.PROMOTED: "promoted post",
}


def refused_for_now(ref: str, channel: str, code: str) -> str:
    """For the asker alone: nobody sees in the channel what cannot be posted there."""
    return (
        f"*I cannot post {ref} in <#{channel}>.* {_why(code)} I keep its messages and try again; {ref} goes on "
        f"meanwhile. {command(f'status {ref}')} says where it stands, {command(f'cancel {ref}')} ends it."
    )


def _why(code: str) -> str:
    if code in ("not_in_channel", "channel_not_found"):
        return f"I am not in that channel: invite me there with {quoted('/invite')}."
    if code == "is_archived":
        return "The channel is archived: restore it."
    if code.startswith("restricted_action"):
        return "Who may post there is restricted: an administrator of the channel has to let me."
    if code == "missing_scope":
        return "The Slack app lacks a permission: the operator installs it again from `dbt-refresh manifest`."
    return f"Slack says {quoted(code)}: the operator can look that up."


def was_deleted(live: Live, *, again: bool) -> str:
    """A line of the audit trail."""
    return f"the {_NAMES[live]} was deleted in Slack" + (", and posted anew" if again else "")


def anew(live: Live) -> str:
    """Once in the thread."""
    if live is Live.CARD:
        return "*The card was deleted in Slack, so I posted it anew.* What was said before stands in the thread of the deleted one."
    return f"*The {_NAMES[live]} was deleted in Slack, so I post it anew:*"
