"""Why a click or a command is not allowed: one sentence per rule of design section 5, with the way out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.wording.text import listed, mention, prose, sentences

VERBS = {
    "ask": "ask for a refresh",
    "downstream": "ask for a refresh",
    "plan": "plan a refresh",
    "cancel": "cancel it",
    "close": "close it",
    "explain": "explain its outliers",
    "recheck": "check it again",
    "rebuild": "rebuild it",
    "add_columns": "rebuild it with more columns",
    "add_clocks": "rebuild it with more columns",
    "keep_dev": "keep what is left in dev",
    "drop_dev": "drop what is left in dev",
    "approve": "approve it",
    "reject": "reject it",
    "waive": "waive a finding",
    "accept": "accept production as it is",
    "undo": "undo it",
    "look": "settle what happened",
    "happened": "settle what happened",
    "not_happened": "settle what happened",
    "hold": "hold a model",
    "unhold": "lift a hold",
}


def may(user_ids: Sequence[str]) -> str:
    """@bob and @carol can."""
    return f"{listed([mention(u) for u in user_ids], 'and', most=6)} can." if user_ids else ""


def bot(action: str) -> str:
    return f"Only a person may {VERBS[action]}, never a bot."


def deleted() -> str:
    return "This account is deactivated in Slack, so it cannot decide anything."


def guest(action: str) -> str:
    return f"Guests of this workspace may not {VERBS[action]}: ask a full member."


def stranger(action: str) -> str:
    return f"Only members of this workspace may {VERBS[action]}, and you are from outside: ask someone inside."


def nobody(action: str, setting: str) -> str:
    return f"Nobody may {VERBS[action]} yet: `{setting}` in `refresh.toml` is empty. Ask whoever runs this bot."


def not_a_requester(requesters: Sequence[str]) -> str:
    who = listed([mention(u) for u in requesters], "and", most=4)
    return f"You are not among those who may ask for a refresh ({who}): ask one of them, or to be added."


def not_an_approver(action: str, others: Sequence[str]) -> str:
    return sentences(f"You are not an approver of this model, so you may not {VERBS[action]}.", may(others))


def not_yours(action: str, asker: str, others: Sequence[str]) -> str:
    return f"Only {mention(asker)}, who asked for it, or an approver may {VERBS[action]}. " + may(
        [u for u in others if u != asker]
    )


def four_eyes(action: str, ref: str, others: Sequence[str]) -> str:
    """You asked for R42, so someone else approves it (four eyes). @bob and @carol can."""
    does = {"approve": "approves it", "reject": "rejects it", "waive": "waives a finding", "accept": "accepts it"}[
        action
    ]
    rest = may(others) or "Nobody else is an approver of this model: ask whoever runs this bot to add one."
    instead = "You can cancel it yourself." if action == "reject" else ""
    return sentences(f"You asked for {ref}, so someone else {does} (four eyes).", rest, instead)


def already_approved(ref: str, missing: int, others: Sequence[str]) -> str:
    return sentences(f"You have approved {ref} already; it still needs {missing} more.", may(others))


def could_not_check() -> str:
    return "Slack did not say who is in the approvers' group, so I could not check your right. Please try again in a minute."


def shared_channel() -> str:
    return (
        "This channel is shared with another organisation, so nothing about production is shown in it: "
        "ask in a channel of your own workspace."
    )


def not_in_channel(channel: str, name: str) -> str:
    return f"I am not in <#{channel}>, so nothing could be shown there: type `/invite @{prose(name)}` in it, and ask again."


def channel_unknown() -> str:
    return "Slack did not say who reads this channel, so I could not check it. Please try again in a minute."


def no_name(user_id: str) -> str:
    return f"I do not know whose dev schema to use for {mention(user_id)}: add a line for them to `[people]` in `refresh.toml`."
