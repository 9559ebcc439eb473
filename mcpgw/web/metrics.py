"""`GET /metrics`: what was counted, in the format of Prometheus.

At the door it is for an admin's token and tells of that workspace; a listener of its own, on
loopback only and off unless asked for, tells of all to whoever is on this machine (ADR 12).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mcpgw import __version__
from mcpgw.gateway.access import Admission
from mcpgw.gateway.counters import BOUNDS_S, Durations
from mcpgw.gateway.gateway import Gateway
from mcpgw.gateway.metrics import Counted
from mcpgw.model.token import OPERATOR, Principal
from mcpgw.web.errors import PLAIN_HEADERS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

CALL_LABELS = ("workspace", "server", "tool", "status", "surface")
SERVER_LABELS = ("workspace", "server")


class MetricsEndpoint:
    """Answers who monitors."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def of_workspace(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Tell an admin of its workspace."""
        assert admission is not None  # noqa: S101  (the route's policy is no Public)
        return await self._tell(admission.principal, admission.workspace.slug)

    async def of_all(
        self, request: web.BaseRequest, admission: Admission | None
    ) -> web.StreamResponse:
        """Tell who is on this machine of everything."""
        return await self._tell(OPERATOR, None)

    async def _tell(self, principal: Principal, slug: str | None) -> web.Response:
        counted = await self._gateway.metrics.read(principal, slug)
        body, content_type = exposition(counted, has_process=slug is None)
        headers = {**PLAIN_HEADERS, "Content-Type": content_type}
        return web.Response(body=body, headers=headers)


def exposition(counted: Counted, *, has_process: bool) -> tuple[bytes, str]:
    """Return what was counted as text, and the type of that."""
    # Late: who is not monitored does not pay for it.
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import generate_latest

    class Collector:
        def collect(self) -> Iterator["Metric"]:
            return _families(counted)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    if has_process:
        ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _families(counted: Counted) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily  # late, as above

    yield _counter("mcpgw_calls", "Calls whose rows are written", CALL_LABELS, counted.calls)
    yield _histogram(
        "mcpgw_call_duration_seconds",
        "How long calls took that reached their server",
        SERVER_LABELS,
        counted.durations,
    )
    yield _histogram(
        "mcpgw_gateway_duration_seconds",
        "What of that mcpgw itself took",
        SERVER_LABELS[:1],
        counted.own_durations,
    )
    for name, text, values in (
        ("rate_limited", "Calls over a limit of their server", counted.rate_limited),
        ("request_bytes", "Bytes of calls", counted.request_bytes),
        ("result_bytes", "Bytes of results", counted.result_bytes),
    ):
        yield _counter(f"mcpgw_{name}", text, SERVER_LABELS, values)
    for name, text, value in (
        (
            "calls_under_way",
            "Calls that went to their server and have not ended",
            counted.under_way,
        ),
        (
            "journal_degraded",
            "1 while calls are refused: no row can be written",
            counted.is_degraded,
        ),
    ):
        yield GaugeMetricFamily(f"mcpgw_{name}", text, value=float(value))
    info = GaugeMetricFamily("mcpgw_build_info", "Which version this is", labels=("version",))
    info.add_metric((__version__,), 1.0)
    yield info


def _counter(
    name: str, text: str, labels: Sequence[str], values: Sequence[tuple[tuple[str, ...], int]]
) -> "Metric":
    from prometheus_client.core import CounterMetricFamily  # late, as above

    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, float(value))
    return family


def _histogram(
    name: str, text: str, labels: Sequence[str], values: Sequence[tuple[tuple[str, ...], Durations]]
) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily  # late, as above

    family = HistogramMetricFamily(name, text, labels=labels)
    for key, durations in values:
        buckets: list[Any] = []
        seen = 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), durations.counts, strict=True):
            seen += count
            buckets.append((bound, seen))
        family.add_metric(key, buckets, durations.total_us / 1e6)
    return family
