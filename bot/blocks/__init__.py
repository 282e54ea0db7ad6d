"""Messages and forms as Block Kit: rendered from a refresh, always within Slack's limits, words from `wording`."""

from bot.blocks.live import render_live
from bot.blocks.posts import posts_for, reminder

__all__ = ["posts_for", "reminder", "render_live"]
