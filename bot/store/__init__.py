"""The one writer of our own database, and the only truth: Slack shows it, the worker acts on it."""

from bot.store.claims import Claims
from bot.store.mail import Letter, LiveMessage, Mail, StoredFile
from bot.store.records import BACKUPS, BEFORE_UNDO, Held, Hold, Object, Records
from bot.store.refreshes import Claim, Decided, Refreshes, Taken
from bot.store.unrecorded import Reconciled

__all__ = [
    "BACKUPS",
    "BEFORE_UNDO",
    "Claim",
    "Decided",
    "Held",
    "Hold",
    "Letter",
    "LiveMessage",
    "Object",
    "Store",
    "StoredFile",
    "Taken",
]


class Store(Refreshes, Claims, Mail, Records, Reconciled):
    """All tables behind one object; see the parents for what each part offers."""
