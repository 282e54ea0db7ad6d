"""What can go wrong, in words for the person in Slack and in detail for the log.

The listeners and the worker catch `RefreshError` at one place each: `user_text` is shown to people,
`detail` goes to the log and the audit trail. Neither may hold secrets or data rows.
"""


class RefreshError(Exception):
    """A request or a step that cannot go on.

    `user_text` is one clear sentence in mrkdwn that says what to do next; `detail` is for operators.
    """

    def __init__(self, user_text: str, detail: str = "") -> None:
        super().__init__(detail or user_text)
        self.user_text = user_text
        self.detail = detail


class Refusal(RefreshError):
    """The request is understood and will not be done; answered privately, before any card is posted.

    `offers` are complete `/dbt-refresh` texts (without the command itself) that would work instead.
    """

    def __init__(self, user_text: str, detail: str = "", offers: tuple[str, ...] = ()) -> None:
        super().__init__(user_text, detail)
        self.offers = offers


class Busy(Refusal):
    """Another live refresh holds the prod or the dev relation (design: the two partial unique indexes)."""

    def __init__(self, user_text: str, holder: int) -> None:
        super().__init__(user_text, f"held by R{holder}")
        self.holder = holder


class Unreadable(RefreshError):
    """dbt cannot read the project as it is now; the last index that it could make goes on serving."""


class Unfetched(RefreshError):
    """Who keeps the project's code or production's manifest does not answer now; what was fetched last goes on serving."""


class LookupFailed(Exception):
    """A question to Slack got no answer, so that what depends on it is not known."""


class SlackAway(RefreshError):
    """Slack did not answer a question about somebody's rights: no answer is not a yes. It is asked again later."""


class BuildFailed(RefreshError):
    """dbt did not build exactly what was asked for; `compiled_sql` is attached to the thread when known."""

    def __init__(self, user_text: str, detail: str = "", compiled_sql: str = "") -> None:
        super().__init__(user_text, detail)
        self.compiled_sql = compiled_sql


class Cancelled(RefreshError):
    """A person cancelled while a step was running; the step has stopped what it started."""


class LostClaim(RefreshError):
    """Another worker has taken the refresh over (a newer fencing number): stop at once, write nothing."""


class ClickTaken(RefreshError):
    """Another worker decides this click now, since this one was frozen: stop at once, write nothing."""


class InDoubt(RefreshError):
    """A statement was sent and its outcome is not known. Never retried blindly."""


class DeadlinePassed(RefreshError):
    """A step took longer than `[worker] step_deadline`: stop what was started."""
