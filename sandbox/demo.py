"""`make demo`: the whole product on this machine. The bot is a child process with nothing special about it but addresses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path

from sandbox.rehearsal import rehearse
from sandbox.world import World

_STOP_SECONDS = 20.0
_CONNECT_SECONDS = 60.0

_WELCOME = """
  Open {url} and act as alice (the switch is at the top left). Ctrl-C ends everything.
  1. In #data-incidents type   /dbt-refresh fact_ethereum_daily_dex_volumes at=2026-04-08
  2. Read the card and its thread. Switch to bob: Explain outliers; production waits for a second person (four eyes).
  3. As alice Approve is refused, as bob it counts: production is replaced, verified, and can be undone.
  4. Then /dbt-refresh ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity
"""


def run(*, rehearsal: bool, browser: bool, slack_port: int) -> int:
    """Start it all and wait for Ctrl-C, or play the incident and return 0 when production was treated as promised."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="dbt-refresh-demo-") as directory:
        world = World(Path(directory), slack_port=slack_port)
        world.start()
        log = (Path(directory) / "bot.log").open("w", encoding="utf-8")
        bot = subprocess.Popen(
            [sys.executable, "-m", "sandbox.child"],
            stdin=subprocess.PIPE,
            env={**os.environ, **world.environ()},
            cwd=Path(__file__).resolve().parent.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process only, which ends the bot in order
        )
        try:
            world.slack.control.wait_connected(timeout=_CONNECT_SECONDS)
            if rehearsal:
                return rehearse(world)
            return _wait(world.slack.url, bot, browser=browser)
        except KeyboardInterrupt:
            print("\nEnding the demo ...", flush=True)
            return 0
        except TimeoutError as error:
            print(f"{error}\nThe bot's last words:", file=sys.stderr)
            print(Path(log.name).read_text(encoding="utf-8")[-4000:], file=sys.stderr)
            return 1
        finally:
            _end(bot)
            world.stop()
            log.close()


def _wait(url: str, bot: subprocess.Popen[bytes], *, browser: bool) -> int:
    print(_WELCOME.format(url=url), flush=True)
    if browser:
        webbrowser.open(url)
    return bot.wait()


def _end(bot: subprocess.Popen[bytes]) -> None:
    if bot.poll() is None:
        bot.terminate()
        try:
            bot.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            bot.kill()
            bot.wait()
