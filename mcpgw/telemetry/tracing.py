"""Traces and logs by OpenTelemetry, where the extra is installed and wanted.

A call is a span of ours with one of its server's beneath, in the client's trace if its `_meta` says
so; the server's `_meta` is told of the second. Attributes name server, tool, outcome and the call's
id in the journal: no member, no token, no payload. Where to send what, the standard variables say
(`OTEL_EXPORTER_OTLP_ENDPOINT` and so on), which the SDK reads itself.
Source: W3C Trace Context; MCP 2026-07-28, basic/index (`_meta`).
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from mcpgw import __version__
from mcpgw.errors import InvalidInput
from mcpgw.model.audit import CallEnd
from mcpgw.model.statistics import WENT_WRONG
from mcpgw.protocol.jsonrpc import text

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

CARRIED = ("traceparent", "tracestate", "baggage")
"""The members of `_meta` that carry a trace."""

FLUSH_MS = 3000
"""How long the last spans may take to leave when the gateway ends."""

_NOTHING = Raw(b"null")


class Untraced:
    """What a call has that nobody traces: its `_meta` passes as it is."""

    def begin(self, method: str, name: str, meta: Mapping[str, Raw]) -> "Untraced":
        """Begin a call."""
        return self

    def to_server(self) -> Mapping[str, Raw]:
        """Return nothing to be changed."""
        return {}

    def back(self) -> None:
        """Take no notice that the server has answered."""

    def end(self, end: CallEnd) -> None:
        """Take no notice of the end."""

    def close(self) -> None:
        """Have nothing to send."""


class OpenTelemetry:
    """Makes spans of calls, and sends them and our log."""

    def __init__(self, spans: "SpanExporter", records: "LogRecordExporter") -> None:
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "mcpgw", "service.version": __version__})
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(spans))
        self._logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(records))
        self._tracer = self._traces.get_tracer("mcpgw", __version__)
        self._handler = _Handler(self._logs.get_logger("mcpgw", __version__).emit)
        logging.getLogger("mcpgw").addHandler(self._handler)

    def begin(self, method: str, name: str, meta: Mapping[str, Raw]) -> "_Traced":
        """Begin the span of a call, in the trace that the client's `_meta` names."""
        return _Traced(self._tracer, method, name, meta)

    def close(self) -> None:
        """Send what is left."""
        logging.getLogger("mcpgw").removeHandler(self._handler)
        self._traces.force_flush(FLUSH_MS)
        self._logs.force_flush(FLUSH_MS)
        self._traces.shutdown()
        self._logs.shutdown()


class _Traced:
    """One call's spans."""

    def __init__(self, tracer: "Tracer", method: str, name: str, meta: Mapping[str, Raw]) -> None:
        from opentelemetry.trace import SpanKind

        self._tracer = tracer
        self._name = f"{method} {name}".strip()
        self._span = tracer.start_span(self._name, _context_of(meta), kind=SpanKind.SERVER)
        self._meta = meta
        self._at_server: Any = None

    def to_server(self) -> Mapping[str, Raw]:
        """Begin the span of what the server does, and return what its `_meta` is told."""
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = set_span_in_context(self._span)
        self._at_server = self._tracer.start_span(self._name, context, kind=SpanKind.CLIENT)
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._at_server))
        return {name: Raw(msgspec.json.encode(value)) for name, value in carrier.items()}

    def back(self) -> None:
        """End the span of what the server does."""
        if self._at_server is not None:
            self._at_server.end()

    def end(self, end: CallEnd) -> None:
        """End the span of the call, with what the journal says of it."""
        from opentelemetry.trace import Status, StatusCode

        target = end.start.target
        attributes = {
            "mcp.method.name": target.method,
            "mcpgw.call_id": end.start.call_id,
            "mcpgw.workspace_id": end.start.caller.workspace_id,
            "mcpgw.server": target.server,
            "mcpgw.outcome": end.outcome.value,
            "mcpgw.gateway_us": end.duration_us - end.upstream_us,
            "error.type": end.error_class,
            "gen_ai.tool.name": target.exposed if target.method == "tools/call" else "",
        }
        self._span.set_attributes(
            {name: value for name, value in attributes.items() if value != ""}
        )
        if end.outcome in WENT_WRONG:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def open_telemetry() -> OpenTelemetry:
    """Return what sends traces and logs where the standard variables say.

    Raises:
        InvalidInput: the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise InvalidInput(
            "OpenTelemetry is wanted, and not installed", "pip install 'mcpgw-server[otel]'"
        ) from None
    # What the SDK cannot send it says itself, with addresses: not in our log.
    return OpenTelemetry(OTLPSpanExporter(), OTLPLogExporter())


class _Handler(logging.Handler):
    """Hands on the time, level, place and message of our own records, and nothing else of them."""

    def __init__(self, emit: Callable[[Any], None]) -> None:
        super().__init__()
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one record."""
        from opentelemetry._logs import LogRecord, SeverityNumber

        severity = {
            logging.DEBUG: SeverityNumber.DEBUG,
            logging.INFO: SeverityNumber.INFO,
            logging.WARNING: SeverityNumber.WARN,
        }.get(record.levelno, SeverityNumber.ERROR)
        self._emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=severity,
                body=record.getMessage(),
                attributes={"logger": record.name},
            )
        )


def _context_of(meta: Mapping[str, Raw]) -> "Context":
    """Return the context that the client's trace is in; what is malformed begins a trace anew."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    said = {name: text(meta.get(name, _NOTHING)) for name in CARRIED}
    carrier = {name: value for name, value in said.items() if value is not None}
    return TraceContextTextMapPropagator().extract(carrier)
