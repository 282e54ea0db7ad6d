"""What a comparison costs beside one scan of both tables, through the connector on the local Snowflake.

    python -m bench.compare [--rows 1000000,10000000,30000000] [--cases scattered,recent,identical] [--runs 3] [--json]

Client and database are two processes, so that the memory of each is its own. The floor runs in the database's process, on the
same tables, with the same threads and memory limit. CPU is that of both processes; the figure is the median of the runs.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import work
from bench.work import peak_mb

THREADS, MEMORY = 2, "14GB"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="1000000,10000000,30000000")
    parser.add_argument("--cases", default=",".join(work.CASES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="One JSON object a line per case.")
    given = parser.parse_args(arguments)
    if not given.json:
        say(f"floor: {work.floor('<baseline>')}, and of the candidate; {THREADS} threads, memory limit {MEMORY}")
        say(
            f"{'case':<11}{'rows':>12}{'cpu s':>9}{'floor':>8}{'ratio':>7}{'wall s':>8}{'client':>8}{'database':>10}{'sent':>6}"
        )
    for rows in map(int, given.rows.split(",")):
        for case in given.cases.split(","):
            figures = measure(case, rows, given.runs)
            say(json.dumps(figures) if given.json else line(figures))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def line(f: dict[str, Any]) -> str:
    return (
        f"{f['case']:<11}{f['rows']:>12,}{f['cpu_s']:>9.2f}{f['floor_cpu_s']:>8.2f}{f['ratio']:>7.2f}{f['wall_s']:>8.2f}"
        f"{f['client_peak_mb']:>5.0f} MB{f['database_peak_mb']:>7.0f} MB{f['statements']:>6}"
    )


def measure(case: str, rows: int, runs: int) -> dict[str, Any]:
    """The medians of one case at one size. Each case has a client process of its own, so that its peak is its own."""
    with database() as pipe:
        ask(pipe, "load", case, rows)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        port = ask(pipe, "port")
        client = context.Process(target=run_client, args=(theirs, port))
        client.start()
        ours.recv()  # it has imported everything, connected, and compared two empty tables
        taken = []
        for _ in range(runs):
            floor_s = ask(pipe, "floor")
            before = ask(pipe, "cpu")
            ours.send("compare")
            made = ours.recv()
            made |= {"cpu_s": made["cpu_s"] + ask(pipe, "cpu") - before, "floor_cpu_s": floor_s}
            taken.append(made)
        ours.send("stop")
        client.join()
        peak = ask(pipe, "peak")
    middle = {name: statistics.median(t[name] for t in taken) for name in ("cpu_s", "floor_cpu_s", "wall_s")}
    return {
        "case": case,
        "rows": rows,
        "cpu_s": round(middle["cpu_s"], 3),
        "floor_cpu_s": round(middle["floor_cpu_s"], 3),
        "ratio": round(statistics.median(t["cpu_s"] / t["floor_cpu_s"] for t in taken), 2),
        "wall_s": round(middle["wall_s"], 3),
        "client_peak_mb": round(max(t["peak_mb"] for t in taken), 1),
        "database_peak_mb": round(peak, 1),
        "statements": taken[-1]["statements"],
        "verdict": taken[-1]["verdict"],
        "changed": taken[-1]["changed"],
    }


def run_client(pipe: Any, port: int) -> None:
    # The sandbox brings pyarrow, which the connector would load; an installation of the product has none.
    sys.modules["pyarrow"] = None  # pyright: ignore[reportArgumentType]
    from bench import client

    client.compare_forever(pipe, port)


@contextmanager
def database() -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield ours
    finally:
        ours.send(("stop",))
        process.join()


def ask(pipe: Any, *what: object) -> Any:
    pipe.send(what)
    answer = pipe.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


def serve(pipe: Any) -> None:
    """The local Snowflake with the tables; does what `ask` sends until it is told to stop."""
    from sandbox.snowflake import SnowflakeSandbox

    gc.collect()
    gc.freeze()  # else Python looks through all that was imported, a tenth of a second in every second run
    sandbox = SnowflakeSandbox()
    sandbox.start()
    sandbox.run_script("CREATE WAREHOUSE W; CREATE DATABASE BENCH; CREATE SCHEMA BENCH.T")
    store = sandbox._world.store  # pyright: ignore[reportPrivateUsage]
    store.root.execute(f"set global threads = {THREADS}")
    store.root.execute(f"set global memory_limit = '{MEMORY}'")
    while (asked := pipe.recv())[0] != "stop":
        try:
            pipe.send(answer(sandbox, store, *asked))
        except Exception as error:
            pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))
    sandbox.stop()
    gc.unfreeze()


def answer(sandbox: Any, store: Any, what: str, *given: Any) -> object:
    if what == "load":
        return load(sandbox, store, *given)
    if what == "port":
        return sandbox.port
    if what == "floor":
        before = time.process_time()
        for table in work.TABLES[:2]:
            store.root.cursor().execute(work.floor(f"BENCH.T.{table}")).fetchall()
        return time.process_time() - before
    return time.process_time() if what == "cpu" else peak_mb()


def load(sandbox: Any, store: Any, case: str, rows: int) -> int:
    """Made through the sandbox, so that it knows them, then filled in DuckDB itself."""
    columns = (
        "DAY DATE, CHAIN VARCHAR, PROTOCOL_ID NUMBER(38,0), VOLUME NUMBER(38,2), FEES NUMBER(38,4), PRICE FLOAT, TVL FLOAT, "
        "TRADES NUMBER(38,0), CATEGORY VARCHAR, NOTE VARCHAR, SEEN_AT TIMESTAMP_NTZ, ACTIVE BOOLEAN"
    )
    for name in work.TABLES:
        sandbox.run_script(f"CREATE TABLE BENCH.T.{name} ({columns})")
    cursor = store.root.cursor()
    cursor.execute(f"insert into BENCH.T.BASELINE {work.baseline(rows)}")
    cursor.execute("insert into BENCH.T.CANDIDATE " + work.candidate("BENCH.T.BASELINE", case, rows))
    return os.getpid()


if __name__ == "__main__":
    main()
