"""Answers that only one person sees, through whatever way the payload leaves open."""

from __future__ import annotations

from typing import Any

from slack_bolt import BoltResponse, Respond
from slack_sdk.errors import SlackApiError

from bot.blocks.answers import answer
from bot.messages import Message
from bot.wording import answers as say

Body = dict[str, Any]


def arguments(message: Message) -> Body:
    """A message as the arguments of `ack` or `respond`; private by saying so, never by default."""
    return {
        "response_type": "ephemeral",
        "text": message.text,
        "blocks": list(message.blocks),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def whisper(respond: Respond, message: Message) -> None:
    """Answer a click beside the message it was on, which stays as it is."""
    respond(replace_original=False, **arguments(message))


def turned_away(body: Body, respond: Respond) -> BoltResponse:
    """For people of other workspaces: one sentence where Slack lets us say it, else nothing."""
    return _last_word(body, respond, answer(say.wrong_workspace()))


def apology(body: Body, respond: Respond, correlation: str) -> BoltResponse:
    """For a listener that failed: said even if the payload was acknowledged already."""
    return _last_word(body, respond, answer(say.trouble(correlation)))


def _last_word(body: Body, respond: Respond, message: Message) -> BoltResponse:
    if body.get("type") == "block_suggestion":
        return BoltResponse(status=200, body={"options": []})
    if body.get("response_url"):
        try:
            whisper(respond, message)
        except (SlackApiError, OSError, ValueError):
            return BoltResponse(status=200, body={"text": message.text, "response_type": "ephemeral"})
    return BoltResponse(status=200, body="")
