"""Slack's error codes, and what each means for a message: try later, send it without blocks, or never again; pure.

From the error lists of chat.postMessage, chat.update, chat.postEphemeral and files.completeUploadExternal. What can pass
is not lost: a person invites the bot, an administrator lifts a restriction, an operator adds a scope.
"""

from __future__ import annotations

from enum import StrEnum


class Remedy(StrEnum):
    LATER = "later"  # nothing is wrong with the message
    WITHOUT_BLOCKS = "without blocks"  # its words may be taken
    NEVER = "never"


_LATER = [
    "access_denied",
    "accesslimited",
    "account_inactive",
    "cannot_reply_to_message",
    "channel_not_found",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "fatal_error",
    "internal_error",
    "invalid_auth",
    "is_archived",
    "message_limit_exceeded",
    "messages_tab_disabled",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "not_in_channel",
    "org_login_required",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "service_unavailable",
    "team_access_not_granted",
    "team_added_to_org",
    "thread_not_found",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
]

_WITHOUT_BLOCKS = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "only_one_table_allowed",
]

_NEVER = [
    "cant_update_message",
    "edit_window_closed",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_array_arg",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "json_not_object",
    "message_not_found",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
    "no_text",
    "no_thread",  # our own word: the card was undeliverable
    "unknown_method",
    "user_not_found",
    "user_not_in_channel",
]

REMEDIES: dict[str, Remedy] = {
    **dict.fromkeys(_LATER, Remedy.LATER),
    **dict.fromkeys(_WITHOUT_BLOCKS, Remedy.WITHOUT_BLOCKS),
    **dict.fromkeys(_NEVER, Remedy.NEVER),
}

# Slack's trouble, or the token's: the next call would fare no better.
TROUBLE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
TOKEN = frozenset({"accesslimited", "account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
NO_PERSON = frozenset({"user_not_found", "user_not_visible"})  # users.info
NO_ROOT = frozenset({"thread_not_found", "cannot_reply_to_message"})  # the card was deleted


def remedy(code: str) -> Remedy | None:
    """None for a code that is not known: it may be Slack's newest name for something that passes."""
    return REMEDIES.get(code)
