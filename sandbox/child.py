"""The bot as the demo's child: `dbt-refresh start`, ended when the demo's end of the pipe closes, however that happens."""

from __future__ import annotations

import os
import signal
import sys
import threading

from bot.__main__ import main


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the demo is gone, killed or not
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(["start"])
