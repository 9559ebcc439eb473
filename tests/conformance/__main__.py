"""The official conformance suite, directly and through a gateway.

Its server scenarios test our fixture server, alone and behind a gateway; its client scenarios test
a reference client, alone and in front of a gateway. Prints what every run counted and what is
wrong: what failed, and what passes directly but not through the gateway. Ends with 1 then. There
is no list of failures that are expected.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.proxy import token_proxy
from tests.conformance.suite import (
    REQUIREMENTS,
    REVISIONS,
    Score,
    client_scenarios,
    score_client,
    score_server,
)
from tests.conformance.targets import PYTHON, Target, fixture, gateway, over_http, over_stdio
from tests.e2e.conftest import Box, Served

AT_ONCE = 2
"""Runs side by side: more of them disturb each other's timing on two cores."""

COUNTED = {"SUCCESS": "passed", "FAILURE": "failed", "WARNING": "warnings"}
REFERENCE = f"{PYTHON} -m tests.peers.conformance_client"


@dataclass(frozen=True)
class Row:
    """One line of the table: a run directly and the same run through the gateway."""

    name: str
    direct: Score
    through: Score
    is_client: bool = False

    @property
    def problems(self) -> list[str]:
        """Return what is wrong with the run: a client may fail where it fails directly, too."""
        if not self.is_client:
            losses = self.through.losses(self.direct)
            return [*self.direct.complaints, *self.through.complaints, *losses]
        # SKIPPED is what a client did not do; the gateway, for one, lists tools on its own behalf.
        losses = self.through.losses(self.direct, ("SUCCESS", "INFO", "SKIPPED"))
        own = set(self.direct.complaints)
        return [*losses, *(line for line in self.through.complaints if line not in own)]


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def server_runs(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Return the runs of the server scenarios that are wanted, by name."""
    revisions = options.revision or REVISIONS
    if options.scenario:
        scenario = ("--scenario", options.scenario)
        return {it: (*scenario, "--spec-version", it) for it in revisions}
    runs = {it: ("--suite", "all", "--spec-version", it) for it in revisions}
    required = options.revision or REQUIREMENTS
    return runs | {
        f"required {it}": ("--requirements", it) for it in REQUIREMENTS if it in required
    }


async def side_by_side(work: Iterable[Awaitable[Score]]) -> list[Score]:
    """Return the scores of several runs, a few of which run at a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def take_turns(run: Awaitable[Score]) -> Score:
        async with slots:
            return await run

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(take_turns(run)) for run in work]
    return [task.result() for task in started]


async def score_servers(
    targets: dict[str, Target], runs: dict[str, tuple[str, ...]], results: Path
) -> dict[tuple[str, str], Score]:
    """Run everything against every target; one target has one run at a time."""
    async with AsyncExitStack() as stack:
        urls = {
            name: target.url
            if target.token is None
            else await stack.enter_async_context(token_proxy(target.url, target.token))
            for name, target in targets.items()
        }
        locks = {name: asyncio.Lock() for name in targets}

        async def score(target: str, run: str) -> Score:
            async with locks[target]:
                folder = results / f"{target}-{run.replace(' ', '-')}"
                return await score_server(urls[target], runs[run], folder)

        pairs = [(target, run) for run in runs for target in targets]
        scores = await side_by_side(score(*pair) for pair in pairs)
    return dict(zip(pairs, scores, strict=True))


def check_servers(options: argparse.Namespace, work: Path) -> list[Row]:
    """Run the server scenarios."""
    runs = server_runs(options)
    with ExitStack() as stack:
        targets = {}
        if "http" in options.upstream:
            targets["direct"] = Target(stack.enter_context(fixture()))
            targets["http"] = stack.enter_context(over_http(work / "http"))
        if "stdio" in options.upstream:
            targets["direct one-stream"] = Target(stack.enter_context(fixture("--one-stream")))
            targets["stdio"] = stack.enter_context(over_stdio(work / "stdio"))
        scores = asyncio.run(score_servers(targets, runs, work / "results"))
    reference = {"http": "direct", "stdio": "direct one-stream"}
    return [
        Row(f"{run}, {upstream} upstream", scores[reference[upstream], run], scores[upstream, run])
        for upstream in options.upstream
        for run in runs
    ]


async def score_clients(
    box: Box, served: Served, options: argparse.Namespace, results: Path
) -> list[Row]:
    """Run the client scenarios with the reference client, directly and behind the gateway."""
    behind = f"{PYTHON} -m tests.conformance.behind {served.url}"
    wanted = [
        (scenario, revision)
        for scenario, revision in await client_scenarios(results / "list")
        if options.scenario in (None, scenario)
        if not options.revision or revision in options.revision
    ]
    if not wanted and not options.scenario:
        raise AssertionError("the suite lists no client scenario")
    scores = await side_by_side(
        score_client(command, scenario, revision, results / f"{side}-{scenario}-{revision}", env)
        for scenario, revision in wanted
        for side, command in (("direct", REFERENCE), ("behind", behind))
        for env in (box.environment,)
    )
    return [
        Row(f"{revision} {scenario}", direct, through, is_client=True)
        for (scenario, revision), direct, through in zip(
            wanted, scores[::2], scores[1::2], strict=True
        )
    ]


def check_clients(options: argparse.Namespace, work: Path) -> list[Row]:
    """Run the client scenarios."""
    with gateway(work / "clients") as (box, served):
        return asyncio.run(score_clients(box, served, options, work / "client-results"))


def report(title: str, rows: Sequence[Row]) -> None:
    """Print a table, and below it what is wrong."""
    width = max((len(row.name) for row in rows), default=0)
    say(f"\n{title:{width}}  {'direct':>24}  {'gateway':>24}")
    say(f"{'':{width}}  {'passed/failed/warnings':>24}  {'passed/failed/warnings':>24}")
    for row in rows:
        counts = [
            "/".join(str(score.counts.get(status, 0)) for status in COUNTED)
            for score in (row.direct, row.through)
        ]
        say(f"{row.name:{width}}  {counts[0]:>24}  {counts[1]:>24}{'  !' * bool(row.problems)}")
    for row in rows:
        for problem in row.problems:
            say(f"{row.name}: {problem}")
        for check in row.through.inapplicable(row.direct):
            say(f"{row.name}: note: the suite finds this inapplicable: {check}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--revision", action="append", choices=REVISIONS, help="only this one")
    parser.add_argument("--scenario", help="only this one")
    parser.add_argument("--upstream", action="append", choices=("http", "stdio"), help="only this")
    parser.add_argument("--only", choices=("server", "client"), help="only these scenarios")
    parser.add_argument("--keep", type=Path, help="leave results and logs in this new folder")
    options = parser.parse_args()
    options.upstream = options.upstream or ["http", "stdio"]
    return options


def main() -> int:
    """Run what is wanted and report it."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="mcpgw-conformance-") as temporary:
        work = Path(temporary)
        if options.keep is not None:
            options.keep.mkdir(parents=True)
            work = options.keep.absolute()
        rows: list[Row] = []
        if options.only != "client":
            rows += (servers := check_servers(options, work))
            report("Server scenarios", servers)
        if options.only != "server":
            rows += (clients := check_clients(options, work))
            report("Client scenarios", clients)
    is_bad = any(row.problems for row in rows)
    say(
        "\nThere are problems: --keep DIR keeps the logs."
        if is_bad
        else "\nAll as directly, and nothing failed."
    )
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
