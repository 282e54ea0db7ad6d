"""The command line: what an operator starts, asks and checks."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import structlog

from bot import __version__, audit, logs, private_files
from bot.errors import RefreshError
from bot.settings import Settings
from bot.wording.failures import no_database
from bot.wording.text import plain

if TYPE_CHECKING:
    from sqlalchemy.exc import OperationalError

    from bot.service import Service

log: Any = structlog.get_logger(__name__)
_DATABASE_SECONDS = 60.0  # a deployment may start the database and us at once
_END_SECONDS = 28.0  # Heroku and Kubernetes kill 30 seconds after SIGTERM


class _Commands(click.Group):
    """A database that is away is one sentence, whatever was asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        from sqlalchemy.exc import OperationalError

        try:
            return super().invoke(ctx)
        except OperationalError as error:
            raise click.ClickException(no_database(_reason(error))) from error


def _reason(error: OperationalError) -> str:
    return str(error.orig).strip().partition("\n")[0]


@click.group(cls=_Commands, help="Refresh a dbt model in production from Slack: proven before, undoable after.")
@click.version_option(__version__)
def main() -> None:
    private_files.by_default()
    logs.configure(as_json=not sys.stderr.isatty())


def _settings() -> Settings:
    try:
        return Settings.load()
    except RefreshError as error:
        _fail(error)


def _fail(error: RefreshError) -> NoReturn:
    raise click.ClickException(plain(error.user_text))


@main.command(help="Listeners and worker in one process.")
def start() -> None:
    _serve(listen=True, work=True, same_host=True)


@main.command(help="The listeners only.")
@click.option("--same-host", is_flag=True, help="With SQLite: the worker shares this host and its file.")
def web(same_host: bool) -> None:
    _serve(listen=True, work=False, same_host=same_host)


@main.command(help="The worker only.")
@click.option("--same-host", is_flag=True, help="With SQLite: the listeners share this host and its file.")
def worker(same_host: bool) -> None:
    _serve(listen=False, work=True, same_host=same_host)


def _serve(*, listen: bool, work: bool, same_host: bool) -> None:
    """Run until SIGTERM or Ctrl-C; running steps end in order or are handed over to the next start."""
    from bot.chat import ChatError

    settings = _settings()
    if settings.database_url.startswith("sqlite") and not same_host:
        raise click.ClickException(
            "web and worker would need the same SQLite file: use `dbt-refresh start`, set DATABASE_URL to PostgreSQL, "
            "or say --same-host"
        )
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    try:
        service = _service(settings, ended)
        if work:
            service.start_worker()
        if listen:
            service.listen()
    except RefreshError as error:
        _fail(error)
    except ChatError as error:
        raise click.ClickException(
            f"Slack says {error.code}: is SLACK_BOT_TOKEN right, and Slack reachable?"
        ) from error
    # A process that was suspended may get its signal in another thread, which does not wake a wait without end.
    while not ended.wait(1.0):
        pass
    _leave(service.stop)


def _leave(stop: Callable[[], None]) -> NoReturn:
    """End in order, and after `_END_SECONDS` in any case: then what is left is taken over as after a crash.

    Python alone would wait for threads: of a step, which others take over, and of a timer that takes long.
    """
    try:
        ThreadPoolExecutor(1).submit(stop).result(_END_SECONDS)
    except Exception:
        log.exception("could not end in order")
        os._exit(1)
    os._exit(0)


def _service(settings: Settings, ended: threading.Event) -> Service:
    """Raises OperationalError when the database does not answer for a minute; exits in order when it is to end before."""
    from sqlalchemy.exc import OperationalError

    from bot.service import Service

    until = time.monotonic() + _DATABASE_SECONDS
    while True:
        try:
            return Service(settings)
        except OperationalError as error:
            if time.monotonic() > until:
                raise
            log.warning("the database does not answer yet", detail=_reason(error))
            if ended.wait(1.0):
                sys.exit(0)


@main.command(help="Bring the database up to date.")
def migrate() -> None:
    from bot.store import Store

    settings = _settings()
    private_files.directory(settings.worker.data_dir)
    store = Store(settings.database_url)
    store.migrate()
    click.echo(f"The database is up to date; this installation is {store.installation}.")
    store.close()


@main.command(help="The whole product on this machine: local Slack, local Snowflake, demo project.")
@click.option("--rehearse", is_flag=True, help="Play the incident in the terminal and judge production.")
@click.option("--port", default=0, help="Of the Slack page; default: any free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
def demo(rehearse: bool, port: int, no_browser: bool) -> None:
    try:
        from sandbox import demo as sandbox_demo
    except ImportError as error:
        raise click.ClickException("the demo needs the sandbox: run `make demo` in a clone") from error
    sys.exit(sandbox_demo.run(rehearsal=rehearse, browser=not no_browser, slack_port=port))


@main.command(help="The Slack app's manifest, to paste when creating the app.")
@click.option("--http", default="", help="Public address of this bot, for HTTP instead of Socket Mode.")
def manifest(http: str) -> None:
    from bot import slack_manifest

    try:
        click.echo(json.dumps(slack_manifest.manifest(http), indent=2))
    except ValueError as error:
        raise click.ClickException(
            f"--http needs the full address, such as https://bot.example.com: {error}"
        ) from error


@main.command(help="The Snowflake SQL for users, roles and the databases of your project.")
def grants() -> None:
    from bot.doctor import grants_sql

    try:
        click.echo(grants_sql(_settings()))
    except RefreshError as error:
        _fail(error)


@main.command(name="audit", help="The trail of one refresh, and whether its chain of hashes is whole.")
@click.argument("refresh")
@click.option("--json", "as_json", is_flag=True, help="For machines, with every detail.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to a file instead.")
def audit_command(refresh: str, as_json: bool, output: Path | None) -> None:
    from bot.store import Store

    digits = refresh.upper().removeprefix("R")
    if not digits.isdigit():
        raise click.ClickException(f"{refresh} is not the id of a refresh: write R42")
    store = Store(_settings().database_url)
    lines = store.trail(int(digits))
    store.close()
    if not lines:
        raise click.ClickException(f"There is no {refresh.upper()} in this database.")
    text = audit.as_json(lines) if as_json else audit.as_text(lines)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        click.echo(text)
    sys.exit(0 if audit.verify(lines) is None else 1)


@main.command(help="What Snowflake knows of this bot and its database does not: exit 1 where there is something.")
@click.option("--confirm", multiple=True, metavar="ID", help="Take this over, or all: it happened so.")
@click.option("--hold", multiple=True, metavar="MODEL", help="Put a model on hold whose hold was forgotten.")
@click.option("--no-hold", is_flag=True, help="An undo that is taken over puts no hold: it was lifted since.")
@click.option("--by", default="", help="Who confirms it.")
@click.option("--reason", default="", help="How they know.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@click.option("--json", "as_json", is_flag=True, help="For machines (docs/operations.md).")
def reconcile(
    confirm: tuple[str, ...], hold: tuple[str, ...], no_hold: bool, by: str, reason: str, yes: bool, as_json: bool
) -> None:
    from bot import reconcile_cli
    from bot.store import Store

    settings = _settings()
    store = Store(settings.database_url)
    store.migrate()
    try:
        asked = reconcile_cli.Asked(confirm=confirm, hold=hold, no_hold=no_hold, by=by.strip(), reason=reason.strip())
        ask = (lambda _: True) if yes else click.confirm
        unknown = reconcile_cli.run(settings, store, asked, ask, click.echo, as_json=as_json)
    except RefreshError as error:
        _fail(error)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    finally:
        store.close()
    sys.exit(1 if unknown else 0)


@main.command(help="Compare two tables: exit 0 equal or only as asked, 1 different, 2 could not compare.")
@click.argument("prod")
@click.argument("dev")
@click.option("--grain", default="", help="The key, a,b; default: found in the data.")
@click.option("--date-column", default="", help="The date of a row.")
@click.option("--backfill-date", type=click.DateTime(["%Y-%m-%d"]), help="Rows before it have to be identical.")
@click.option("--columns", default="", help="With --backfill-date: what may change from it on, a,b.")
@click.option("--clock", default="", help="Columns to leave out, a,b: they say when a row was written.")
@click.option("--where", default="", help="A condition on both tables.")
@click.option("--json", "as_json", is_flag=True, help="For machines (docs/compare.md).")
def compare(
    prod: str,
    dev: str,
    grain: str,
    date_column: str,
    backfill_date: datetime | None,
    columns: str,
    clock: str,
    where: str,
    as_json: bool,
) -> None:
    from rich.console import Console

    from bot import compare_cli

    since = backfill_date.date() if backfill_date else None
    screen = Console(stderr=True)
    try:
        asked = compare_cli.pair(
            prod, dev, grain=grain, date_column=date_column, since=since, columns=columns, where=where, clock=clock
        )
        with screen.status("") as status:
            report, ids = compare_cli.run(Settings.load(), asked, lambda text, _: status.update(text))
    except (RefreshError, ValueError) as error:
        screen.print(plain(error.user_text) if isinstance(error, RefreshError) else str(error), markup=False)
        sys.exit(compare_cli.UNDECIDED)
    except KeyboardInterrupt:  # click and Python would end with 1, which says that the tables differ
        sys.exit(compare_cli.UNDECIDED)
    except Exception:
        screen.print_exception()
        sys.exit(compare_cli.UNDECIDED)
    if as_json:
        click.echo(compare_cli.as_json(asked, report, ids))
    else:
        compare_cli.show(Console(), asked, report)
    sys.exit(compare_cli.verdict(report))


@main.command(help="Every problem with settings, Slack, Snowflake and the dbt project, at once.")
def doctor() -> None:
    from bot.doctor import examine

    healthy = True
    for found in examine(_settings()):
        healthy = healthy and found.good
        click.echo(f"{'ok  ' if found.good else 'BAD '} {found.what}" + (f": {found.detail}" if found.detail else ""))
    sys.exit(0 if healthy else 1)


if __name__ == "__main__":
    main()
