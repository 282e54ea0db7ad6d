"""Why a click or a command is not allowed: one sentence per rule of design section 5, with the way out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.wording.text import code, listed, mention, prose, sentences

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


def four_eyes(action: str, ref: str, others: Sequence[str], *, changed: bool = False) -> str:
    """You asked for R42, so someone else approves it (four eyes). @bob and @carol can."""
    yours = f"You changed what {ref} asks for" if changed else f"You asked for {ref}"
    does = {"approve": "approves it", "reject": "rejects it", "waive": "waives a finding", "accept": "accepts it"}[
        action
    ]
    rest = may(others) or "Nobody else is an approver of this model: ask whoever runs this bot to add one."
    instead = "You can cancel it yourself." if action == "reject" else ""
    return sentences(f"{yours}, so someone else {does} (four eyes).", rest, instead)


def already_approved(ref: str, missing: int, others: Sequence[str]) -> str:
    return sentences(f"You have approved {ref} already; it still needs {missing} more.", may(others))


def unknown_action() -> str:
    return "This button is of another version of this bot and does nothing."


def could_not_check(action: str, scope: str = "") -> str:
    """For a person whose right Slack did not tell, for now or since the app may not ask for it."""
    if scope:
        return (
            f"I cannot check your right to {VERBS[action]}: the Slack app has no scope {code(scope)}. "
            "Ask whoever runs this bot to add it and to install the app again."
        )
    return f"Slack did not answer, so I could not check your right to {VERBS[action]}. Please try again in a minute."


def approvals_not_checked(scope: str = "") -> str:
    """For approvals that were given before: Slack did not tell whether each is still a right one."""
    if scope:
        return f"It cannot be checked whether the approvals still count: the Slack app has no scope {code(scope)}."
    return "Slack did not answer, so it could not be checked whether the approvals still count."


_LAPSES = {
    "deleted": "the account is deactivated in Slack",
    "unknown": "Slack does not know this person any more",
    "guest": "the account is a guest's now",
    "four eyes": "who asks for a refresh, or changes it, does not approve it",
    "bot": "the account is a bot's",
}


def lapsed(who: Sequence[tuple[str, str]], missing: int, others: str) -> str:
    """The approval of @bob no longer counts: the account is deactivated in Slack. 1 more needed. @carol can."""
    told = [
        f"*The approval of {mention(user)} no longer counts:* {_LAPSES.get(rule, 'not an approver of this model any more')}."
        for user, rule in who
    ]
    return sentences(*told, f"Nothing was sent; {missing} more needed.", others)


def source(section: str, *, own: bool, replaces: bool) -> str:
    """By `[policy]` of refresh.toml, and stricter by the model's YAML"""
    general = f"{code(f'[[models]] {section}')} of {code('refresh.toml')}" if section else code("[policy]")
    if own and replaces:
        return f"by the model's YAML ({code('model_policy = replace')})"
    return f"by {general}, made stricter by the model's YAML" if own else f"by {general}"


def shared_channel() -> str:
    return (
        "This channel is shared with another organisation, so nothing about production is shown in it: "
        "ask in a channel of your own workspace."
    )


def not_in_channel(channel: str, name: str) -> str:
    return f"I am not in <#{channel}>, so nothing could be shown there: type `/invite @{prose(name)}` in it, and ask again."


def channel_unknown() -> str:
    return "Slack did not say who reads this channel, so I could not check it. Please try again in a minute."


def name_not_known() -> str:
    return "Slack did not say whose dev schema to use. Please try again in a minute."


def no_name(user_id: str) -> str:
    return f"I do not know whose dev schema to use for {mention(user_id)}: add a line for them to `[people]` in `refresh.toml`."
