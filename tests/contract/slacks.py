"""A local Slack for the contract tests, and the gateway that talks to it."""

from __future__ import annotations

from pydantic import SecretStr

from bot.chat import Chat
from bot.settings import Secrets, Settings
from sandbox.slack import SlackSandbox

CHANNEL = "C0INCIDENTS"


def chat_with(slack: SlackSandbox, *, token: str = "", timeout: int = 5) -> Chat:
    secrets = Secrets(slack_bot_token=SecretStr(token or slack.bot_token), slack_api_url=slack.api_url)
    return Chat(Settings.model_construct(secrets=secrets), timeout)


def methods(slack: SlackSandbox) -> list[str]:
    """The Web API methods called so far, in order."""
    return [call["method"] for call in slack.control.traffic("api")]
