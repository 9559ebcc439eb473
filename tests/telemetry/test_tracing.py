"""A call is two spans in the client's trace, and no span knows who called or what was carried."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from msgspec import Raw
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mcpgw.errors import InvalidInput
from mcpgw.model.audit import Outcome
from mcpgw.telemetry.tracing import OpenTelemetry, Untraced, open_telemetry
from tests.store.records import call_end

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Traced:
    telemetry: OpenTelemetry
    spans: InMemorySpanExporter
    records: InMemoryLogRecordExporter

    def finished(self) -> dict[SpanKind, ReadableSpan]:
        self.telemetry.close()
        return {span.kind: span for span in self.spans.get_finished_spans()}


@pytest.fixture
def traced() -> Iterator[Traced]:
    spans = InMemorySpanExporter()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # theirs
    traced = Traced(OpenTelemetry(spans, records), spans, records)
    yield traced
    traced.telemetry.close()


def test_the_spans_of_a_call(traced: Traced) -> None:
    meta = {"traceparent": Raw(f'"00-{TRACE}-{PARENT}-01"'.encode()), "tracestate": Raw(b'"a=b"')}
    span = traced.telemetry.begin("tools/call", "jira__create_issue", meta)
    told = span.to_server()
    span.back()
    end = call_end()
    span.end(end)
    found = traced.finished()
    ours, theirs = found[SpanKind.SERVER], found[SpanKind.CLIENT]
    assert ours.name == theirs.name == "tools/call jira__create_issue"
    assert f"{ours.context.trace_id:032x}" == f"{theirs.context.trace_id:032x}" == TRACE
    assert ours.parent is not None
    assert f"{ours.parent.span_id:016x}" == PARENT
    assert theirs.parent is not None
    assert theirs.parent.span_id == ours.context.span_id
    told_of = f'"00-{TRACE}-{theirs.context.span_id:016x}-01"'
    assert (bytes(told["traceparent"]), bytes(told["tracestate"])) == (told_of.encode(), b'"a=b"')
    assert ours.attributes is not None
    assert ours.attributes["mcpgw.call_id"] == end.start.call_id
    assert ours.attributes["mcpgw.outcome"] == "ok"
    assert ours.attributes["gen_ai.tool.name"] == "jira__create_issue"
    assert ours.status.status_code is StatusCode.UNSET
    for span_ in (ours, theirs):
        for word in ("ana", "tok_1", "127.0.0.1"):
            assert word not in span_.to_json()


@pytest.mark.parametrize("traceparent", [b"", b"7", b'"nonsense"', b'"00-0-0-01"', b'"\xff"'])
def test_what_is_no_trace_begins_one(traced: Traced, traceparent: bytes) -> None:
    meta = {"traceparent": Raw(traceparent)} if traceparent else {}
    span = traced.telemetry.begin("prompts/get", "", meta)
    span.back()
    span.end(call_end(outcome=Outcome.TIMEOUT, error_class="upstream_timeout"))
    (ours,) = traced.finished().values()
    assert (ours.name, ours.parent) == ("prompts/get", None)
    assert ours.status.status_code is StatusCode.ERROR
    assert ours.attributes is not None
    assert ours.attributes["error.type"] == "upstream_timeout"


def test_our_log_goes_along_and_nothing_else_of_a_record(traced: Traced) -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        logging.getLogger("mcpgw.web").exception("said %s", "x", extra={"token": "canary"})
    logging.getLogger("mcpgw.web").warning("careful")
    traced.telemetry.close()
    logging.getLogger("mcpgw.web").error("too late")
    found = [one.log_record for one in traced.records.get_finished_logs()]
    assert [(one.body, one.severity_text) for one in found] == [
        ("said x", "ERROR"),
        ("careful", "WARNING"),
    ]
    assert "canary" not in repr([vars(one) for one in found])


def test_who_is_not_traced_says_nothing() -> None:
    untraced = Untraced().begin("tools/call", "x", {})
    assert untraced.to_server() == {}
    untraced.back()
    untraced.end(call_end())
    untraced.close()


def test_where_it_goes_is_said_by_the_standard_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    open_telemetry().close()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InvalidInput, match="not installed") as raised:
        open_telemetry()
    assert "mcpgw-server[otel]" in raised.value.hint
