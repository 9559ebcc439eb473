"""The figures as a plain table, and beside them what they were meant to be."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from bench.measure import Figure, Measured
from bench.plan import ECHO_MANY, ECHO_ONE, LIST, Scenario, Subject

_COLUMNS = ("", "conn", "", "calls/s", "x direct", "x bare", "p50 ms", "p99 ms", "CPU us/call")
_TEXT = frozenset({0, 2})
"""The columns that are aligned to the left."""


@dataclass(frozen=True, slots=True)
class Goal:
    """How many times the bare proxy a subject is meant to be."""

    scenario: Scenario
    subject: Subject
    times_bare: float


GOALS = (
    Goal(ECHO_MANY, Subject.GATEWAY, 1.2),
    Goal(ECHO_MANY, Subject.GATEWAY_STDIO, 1.2),
    Goal(LIST, Subject.GATEWAY, 1.2),
)


def machine() -> str:
    """Describe what was measured on."""
    return (
        f"{os.cpu_count()} processors, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def report(measured: Measured) -> str:
    """Return the table and what belongs to it."""
    start, memory = measured.start, measured.memory
    return "\n".join(
        [
            *_table(measured.figures),
            "",
            f"start-up to the first answer {start.serve_s:.2f} s; "
            f"python -c 'import aiohttp.web' {start.import_s:.2f} s",
            f"memory at rest {memory.started_mib:.0f} MiB, after the load "
            f"{memory.loaded_mib:.0f} MiB and its children {memory.loaded_children_mib:.0f} MiB",
            "",
            *(_overhead(scenario, measured.figures) for scenario in (ECHO_ONE, ECHO_MANY)),
            "",
            *(_verdict(goal, measured.figures) for goal in GOALS),
            "",
            f"{machine()}; took {measured.seconds:.0f} s; every answer was checked",
        ]
    )


def _table(figures: list[Figure]) -> Iterator[str]:
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    question: tuple[str, ...] = ()
    for row in rows:
        if row[:2] != question:
            question = row[:2]
            yield ""
        cells = zip(row, widths, strict=True)
        yield "  ".join(
            cell.ljust(width) if number in _TEXT else cell.rjust(width)
            for number, (cell, width) in enumerate(cells)
        ).rstrip()


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.scenario,
        str(figure.connections),
        figure.subject,
        f"{figure.calls_per_s:,.0f}",
        f"{figure.times_direct:.2f}",
        f"{figure.times_bare:.2f}",
        f"{figure.p50_ms:.2f}",
        f"{figure.p99_ms:.2f}",
        f"{figure.cpu_us:.0f}",
    )


def _overhead(scenario: Scenario, figures: list[Figure]) -> str:
    """Say what token, policy and journal cost: beside the bare proxy, and beside fewer flushes."""
    found = {
        figure.subject: figure
        for figure in figures
        if (figure.scenario, figure.connections) == (scenario.title, scenario.connections)
    }
    bare, full, normal = (
        found[subject.value] for subject in (Subject.BARE, Subject.GATEWAY, Subject.GATEWAY_NORMAL)
    )
    return (
        f"{scenario.title}, connections {scenario.connections}: {full.p50_ms:.2f} ms and"
        f" {full.cpu_us:.0f} CPU us with both rows on the disk, {normal.p50_ms:.2f} ms and"
        f" {normal.cpu_us:.0f} CPU us with the journal on normal,"
        f" {bare.p50_ms:.2f} ms and {bare.cpu_us:.0f} CPU us for the bare proxy"
    )


def _verdict(goal: Goal, figures: list[Figure]) -> str:
    wanted = (goal.scenario.title, goal.scenario.connections, goal.subject.value)
    times = next(
        figure.times_bare
        for figure in figures
        if (figure.scenario, figure.connections, figure.subject) == wanted
    )
    verdict = "met" if times >= goal.times_bare else "MISSED"
    title, connections, subject = wanted
    return (
        f"goal {verdict}: {subject}, {title}, {connections} connections: "
        f"{times:.2f} x the bare proxy, {goal.times_bare:.1f} wanted"
    )
