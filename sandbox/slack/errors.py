"""How the stand-in says no: Slack's error codes as exceptions, and what a test gets when it asks for the impossible."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """An answer `{"ok": false, "error": code, ...}`; `extra` is merged into the answer."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    @classmethod
    def invalid(cls, code: str, problems: list[str]) -> SlackError:
        """A schema error with Slack's two lists: `errors` and `response_metadata.messages`."""
        messages = [f"[ERROR] {p}" for p in problems]
        return cls(code, errors=problems, response_metadata={"messages": messages})

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.extra}


class Impossible(Exception):
    """A person cannot do this now: no such button, no open form, not a value that was offered."""
