"""Runs the plan: all scenarios in turn, several rounds over, and takes the median of each figure.

The rounds are interleaved, and a ratio is one of the same round: a machine that others use too is
slow for all subjects alike.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from msgspec import Struct, json

from bench.gateway import Installation, installed
from bench.load import Load, Outcome
from bench.plan import SCENARIOS, Scenario, Subject, Way
from bench.process import output, running
from bench.startup import first_answer, import_s, start_s


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    warm_s: float
    measured_s: float
    starts: int


FULL = Effort(rounds=3, warm_s=0.5, measured_s=2.0, starts=7)
QUICK = Effort(rounds=3, warm_s=0.2, measured_s=0.4, starts=3)


class Figure(Struct):
    """What was measured of one subject in one scenario. `cpu_us` is of its process, per call."""

    scenario: str
    connections: int
    subject: str
    calls_per_s: float
    times_direct: float
    times_bare: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


class Start(Struct):
    """Start-up times in seconds."""

    serve_s: float
    import_s: float


class Memory(Struct):
    """What the gateway occupies in MiB: when it has started, and after all the load."""

    started_mib: float
    loaded_mib: float
    loaded_children_mib: float


class Measured(Struct):
    """Everything."""

    figures: list[Figure]
    start: Start
    memory: Memory
    seconds: float


@dataclass(frozen=True, slots=True)
class _Sample:
    outcome: Outcome
    cpu_us: float

    @property
    def calls_per_s(self) -> float:
        return self.outcome.calls / self.outcome.seconds


_Round = Mapping[tuple[Scenario, Subject], _Sample]


async def measure(effort: Effort) -> Measured:
    """Measure everything.

    Raises:
        BenchError: an answer was wrong, or a process failed.
    """
    begun = perf_counter()
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("-m", "bench.upstream_http"))
        direct = Way(upstream, int(await upstream.first_line()))
        origin = f"http://127.0.0.1:{direct.port}"
        proxy = await stack.enter_async_context(running("-m", "bench.bare_proxy", origin))
        bare = Way(proxy, int(await proxy.first_line()))
        _tell("setting the gateway up")
        installation = await stack.enter_async_context(installed(direct.port))
        start = await _measure_start(installation, effort.starts)
        normal = installation.copied("normal")
        async with _gateway(installation) as gateway, _gateway(normal) as relaxed:
            started_mib = gateway.process.memory_mib
            ways = {Subject.DIRECT: direct, Subject.BARE: bare, Subject.GATEWAY_NORMAL: relaxed}
            rounds = []
            for number in range(effort.rounds):
                _tell(f"round {number + 1} of {effort.rounds}")
                rounds.append(await _round(effort, ways, gateway))
            memory = Memory(
                started_mib=started_mib,
                loaded_mib=gateway.process.memory_mib,
                loaded_children_mib=gateway.process.children_memory_mib,
            )
    figures = [
        _figure(scenario, subject, rounds)
        for scenario in SCENARIOS
        for subject in scenario.subjects
    ]
    return Measured(figures, start, memory, perf_counter() - begun)


@asynccontextmanager
async def _gateway(installation: Installation) -> AsyncIterator[Way]:
    async with installation.serving() as process:
        await first_answer(process, installation)
        yield Way(process, installation.port, installation.tokens)


async def _measure_start(installation: Installation, times: int) -> Start:
    _tell("starting it")
    await start_s(installation)  # The first start also compiles modules.
    started, imported = [], []
    for _ in range(times):
        started.append(await start_s(installation))
        imported.append(await import_s())
    return Start(median(started), median(imported))


async def _round(effort: Effort, ways: Mapping[Subject, Way], gateway: Way) -> _Round:
    samples = {}
    for scenario in SCENARIOS:
        for subject in scenario.subjects:
            way = ways.get(subject, gateway)
            load = way.load(scenario, subject, effort.warm_s, effort.measured_s)
            samples[scenario, subject] = await _sample(way, load)
    return samples


async def _sample(way: Way, load: Load) -> _Sample:
    cpu_s = way.process.cpu_s
    written = await output("-m", "bench.load", given=json.encode(load))
    outcome = json.decode(written, type=Outcome)
    return _Sample(outcome, (way.process.cpu_s - cpu_s) / outcome.all_calls * 1e6)


def _figure(scenario: Scenario, subject: Subject, rounds: Sequence[_Round]) -> Figure:
    samples = [found[scenario, subject] for found in rounds]

    def times(other: Subject) -> float:
        return median(
            sample.calls_per_s / found[scenario, other].calls_per_s
            for sample, found in zip(samples, rounds, strict=True)
        )

    return Figure(
        scenario=scenario.title,
        connections=scenario.connections,
        subject=subject.value,
        calls_per_s=median(sample.calls_per_s for sample in samples),
        times_direct=times(Subject.DIRECT),
        times_bare=times(Subject.BARE),
        p50_ms=median(sample.outcome.p50_ms for sample in samples),
        p99_ms=median(sample.outcome.p99_ms for sample in samples),
        cpu_us=median(sample.cpu_us for sample in samples),
    )


def _tell(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")
