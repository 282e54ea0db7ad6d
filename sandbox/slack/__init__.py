"""A local Slack: Web API, Socket Mode, signed HTTP, a page for people and a control API for tests."""

from sandbox.slack.control import SlackControl
from sandbox.slack.delivery import Receipt
from sandbox.slack.errors import Impossible
from sandbox.slack.server import SlackSandbox

__all__ = ["Impossible", "Receipt", "SlackControl", "SlackSandbox"]
