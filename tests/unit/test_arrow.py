"""Two threads that read their first results at once: the connector alone would stop the whole process for ever."""

from __future__ import annotations

import subprocess
import sys

READ_AT_ONCE = """
import logging
import threading
import bot.arrow

{prepared}
first, second = (threading.Thread(target=bot.arrow.prepare, daemon=True) for _ in range(2))
logging._lock.acquire()  # what the first one waits for, so that it lets the second one in
first.start()
first.join(0.3)
second.start()
second.join(0.3)
logging._lock.release()
first.join()
second.join()
"""


def test_first_results_can_be_read_at_once_in_a_prepared_process() -> None:
    done = subprocess.run([sys.executable, "-c", READ_AT_ONCE.format(prepared="bot.arrow.prepare()")], timeout=60)
    assert done.returncode == 0
