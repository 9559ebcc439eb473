"""`mcpgw stats`: what the journal says of many calls at once."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import structs

from mcpgw.cli.chart import bar, sparkline
from mcpgw.cli.duration import parse_moment, roughly, took
from mcpgw.cli.invocation import Invocation
from mcpgw.cli.output import iso, local, nearest, print_json, print_table, say
from mcpgw.cli.place import in_workspace
from mcpgw.errors import InvalidInput
from mcpgw.model.statistics import HOUR_S, Dimension, Figures, Period
from mcpgw.model.token import OPERATOR

if TYPE_CHECKING:
    from mcpgw.gateway.statistics import Answer

EXAMPLES = [
    "stats",
    "stats --by tool --server jira --compare previous",
    "stats --by member --server github",
    "stats --by client --server postgres --hour 2",
    "stats --by hour --since 30d --json",
]

PREVIOUS = "previous"

WIDE_COLUMNS = 110
"""Terminals at least so wide have room for charts beside the figures."""

NO_NAME = "(none)"


async def stats(  # noqa: PLR0913  (a parameter for each option)
    asked: Invocation,
    by: Annotated[
        str, typer.Option("--by", metavar="WORD", help=f"One of: {', '.join(Dimension)}.")
    ] = Dimension.SERVER.value,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="7d, 24h, 2026-11-01; to the hour.")
    ] = "7d",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="As --since.")] = "",
    compare: Annotated[
        str, typer.Option("--compare", metavar=PREVIOUS, help="Beside the same time before.")
    ] = "",
    server: Annotated[str, typer.Option("--server", metavar="NAME", help="To which server.")] = "",
    tool: Annotated[
        str, typer.Option("--tool", metavar="TEXT", help="Part or glob of a tool or server.")
    ] = "",
    member: Annotated[str, typer.Option("--member", metavar="NAME", help="Whose calls.")] = "",
    client: Annotated[str, typer.Option("--client", metavar="NAME", help="By which app.")] = "",
    hour: Annotated[
        int | None, typer.Option("--hour", min=0, max=23, help="In which hour of the day only.")
    ] = None,
    most: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many lines.")] = 20,
) -> None:
    """Add up calls: how many, how many failed, how long they took, and whose time that was.

    ERRORS are calls that went wrong; LIMITED those over a limit of their server, or of ours.
    GATEWAY is the share of the time that mcpgw itself took, TREND how calls are spread over the
    time looked at.
    """
    dimension = _dimension(by)
    if compare not in ("", PREVIOUS):
        raise InvalidInput(f"no such --compare: {compare[:40]!r}", f"as in --compare {PREVIOUS}")
    # Late, as everything that help does not need.
    from mcpgw.gateway.statistics import Asked

    async with in_workspace(asked) as place:
        wanted = Asked(
            by=dimension,
            period=Period(
                parse_moment(since, place.now, "--since"),
                parse_moment(until, place.now, "--until") if until else place.now,
            ),
            target=tool,
            server=server,
            member=member,
            client=client,
            hour=hour,
            hour_of_day=_local_hour,
        )
        statistics = place.gateway.statistics
        if compare:
            answer, before = await statistics.compare(OPERATOR, place.slug, wanted)
        else:
            answer, before = await statistics.sum(OPERATOR, place.slug, wanted), None
    if asked.is_json:
        print_json(_described(answer, before))
        return
    _print(asked, answer, before, most)


def _dimension(text: str) -> Dimension:
    try:
        return Dimension(text)
    except ValueError:
        hint = f"{nearest(text, Dimension)} use one of: {', '.join(Dimension)}"
        raise InvalidInput(f"no such --by: {text[:40]!r}", hint.strip()) from None


def _print(asked: Invocation, answer: "Answer", before: "Answer | None", most: int) -> None:
    is_wide = shutil.get_terminal_size().columns >= WIDE_COLUMNS
    page = _Page(answer, before, is_drawn=sys.stdout.isatty() and is_wide)
    shown = answer.figures[:most]
    rows = [page.row(one) for one in (*shown, answer.total)]
    print_table(page.columns, rows, is_colored=not asked.is_plain)
    if len(answer.figures) > most:
        say(f"and {len(answer.figures) - most} more: -n {len(answer.figures)}")
    period = answer.asked.period
    said = f"{local(period.since)} to {local(period.until)}, {roughly(period.length_s)}"
    say(f"{said}; was is the same time before" if before else said)


@dataclass(frozen=True, slots=True)
class _Page:
    """How figures are laid out. Charts are drawn on a terminal only."""

    answer: "Answer"
    before: "Answer | None"
    is_drawn: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        names = [self.answer.asked.by.upper()]
        for name in ("CALLS", "ERRORS", "P50", "P95"):
            names.append(name)
            if self.before is not None and name != "P50":
                names.append("WAS")
        names += ["P99", "GATEWAY", "SLOWEST", "LIMITED"]
        return (*names, "TREND", "SHARE") if self.is_drawn else tuple(names)

    def row(self, one: Figures) -> tuple[str, ...]:
        """Return the cells of one name."""
        return tuple(self._cells(one))

    def _cells(self, one: Figures) -> Iterator[str]:
        is_total = one is self.answer.total
        was = None
        if self.before is not None:
            was = self.before.total if is_total else self.before.of(one.name)
        yield one.name or NO_NAME
        yield f"{one.calls:,}"
        yield from self._was(was, lambda before: f"{before.calls:,}")
        yield _percent(one.error_rate)
        yield from self._was(was, lambda before: _percent(before.error_rate))
        yield _took(one.p50_us)
        yield _took(one.p95_us)
        yield from self._was(was, lambda before: _took(before.p95_us))
        yield _took(one.p99_us)
        yield _percent(one.gateway_share)
        yield _took(one.slowest_us)
        yield str(one.limited + one.rate_limited)
        if self.is_drawn:
            yield sparkline(one.trend)
            yield "" if is_total else bar(one.calls / max(1, self.answer.total.calls))

    def _was(self, was: Figures | None, tell: Callable[[Figures], str]) -> Iterator[str]:
        if self.before is not None:
            yield "-" if was is None else tell(was)


def _took(duration_us: int) -> str:
    return took(duration_us) if duration_us else "-"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share in (0.0, 1.0) or share >= 0.1 else f"{share:.1%}"


def _local_hour(hour: int) -> int:
    return datetime.fromtimestamp(hour * HOUR_S, UTC).astimezone().hour


def _described(answer: "Answer", before: "Answer | None") -> dict[str, Any]:
    described: dict[str, Any] = {
        "by": answer.asked.by.value,
        "since": iso(answer.asked.period.since),
        "until": iso(answer.asked.period.until),
        "figures": [_figures(one, answer.slowest.get(one.name, "")) for one in answer.figures],
        "total": _figures(answer.total, ""),
    }
    if before is not None:
        described["previous"] = _described(before, None)
    return described


def _figures(one: Figures, slowest: str) -> dict[str, Any]:
    figures = structs.asdict(one)
    del figures["slowest_row"]
    rates = {"error_rate": round(one.error_rate, 6), "gateway_share": round(one.gateway_share, 6)}
    return figures | rates | {"trend": list(one.trend), "slowest_call": slowest}
