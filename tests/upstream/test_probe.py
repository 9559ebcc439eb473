"""The two tables of protocol fallback, row by row."""

import json

import pytest

from mcpgw.upstream.frame import Frame, read_frame
from mcpgw.upstream.probe import (
    Verdict,
    judge,
    judge_initialize,
    read_discovered,
    read_initialized,
)

MODERN, LEGACY = "2026-07-28", "2025-11-25"


def result(value: object) -> Frame | None:
    return read_frame(json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode())


def error(code: int, data: object = None, request_id: object = 1) -> Frame | None:
    message = {"id": request_id, "error": {"code": code, "message": "no", "data": data}}
    return read_frame(json.dumps(message).encode())


FOUND = result({"supportedVersions": [MODERN]})


@pytest.mark.parametrize(
    ("status", "frame", "verdict"),
    [
        (200, FOUND, Verdict.MODERN),
        (200, result({"supportedVersions": [LEGACY, MODERN]}), Verdict.MODERN),
        (200, result({"supportedVersions": [LEGACY]}), Verdict.LEGACY),
        (200, result({"supportedVersions": []}), Verdict.LEGACY),
        (200, result({"tools": []}), Verdict.LEGACY),
        (200, result("hello"), Verdict.LEGACY),
        (400, error(-32022, {"supported": [MODERN, LEGACY]}), Verdict.RETRY),
        (400, error(-32022, {"supported": ["2027-01-01"]}), Verdict.INCOMPATIBLE),
        (400, error(-32022, {"supported": ["2027-01-01", LEGACY]}), Verdict.INCOMPATIBLE),
        (400, error(-32022, {"supported": [LEGACY]}), Verdict.LEGACY),
        (400, error(-32022), Verdict.LEGACY),
        (401, None, Verdict.REFUSED),
        (403, error(-32001), Verdict.REFUSED),
        (401, FOUND, Verdict.REFUSED),
        (500, None, Verdict.OUTAGE),
        (502, error(-32601), Verdict.OUTAGE),
        (302, None, Verdict.OUTAGE),
        (400, error(-32600, request_id="server-error"), Verdict.LEGACY),
        (400, error(-32020), Verdict.LEGACY),
        (400, error(-32021), Verdict.LEGACY),
        (404, error(-32601), Verdict.LEGACY),
        (404, None, Verdict.LEGACY),
        (405, None, Verdict.LEGACY),
        (406, None, Verdict.LEGACY),
        (200, None, Verdict.LEGACY),
        (202, None, Verdict.LEGACY),
        (400, FOUND, Verdict.LEGACY),
        (None, FOUND, Verdict.MODERN),
        (None, result({"supportedVersions": [LEGACY]}), Verdict.LEGACY),
        (None, error(-32022, {"supported": [MODERN]}), Verdict.RETRY),
        (None, error(-32022, {"supported": ["2027-01-01"]}), Verdict.INCOMPATIBLE),
        (None, error(-32022, {"supported": [LEGACY]}), Verdict.LEGACY),
        (None, error(-32602), Verdict.LEGACY),
        (None, error(-32601), Verdict.LEGACY),
        (None, None, Verdict.LEGACY),
    ],
)
def test_an_answer_to_the_probe_is_judged(
    status: int | None, frame: Frame | None, verdict: Verdict
) -> None:
    assert judge(status, frame) is verdict


@pytest.mark.parametrize(
    ("frame", "verdict"),
    [
        (error(-32022, {"supported": [MODERN], "requested": LEGACY}), Verdict.MODERN),
        (error(-32022, {"supported": ["2027-01-01"]}), Verdict.INCOMPATIBLE),
        (error(-32601), Verdict.LEGACY),
        (result({"protocolVersion": LEGACY}), Verdict.LEGACY),
        (None, Verdict.LEGACY),
    ],
)
def test_an_answer_to_initialize_may_still_mean_modern(
    frame: Frame | None, verdict: Verdict
) -> None:
    assert judge_initialize(frame) is verdict


def test_what_a_server_says_of_itself_is_read() -> None:
    info = {"name": "demo", "version": "1"}
    found = read_discovered(
        result(
            {
                "supportedVersions": [MODERN],
                "capabilities": {"tools": {"listChanged": True}},
                "instructions": None,
                "_meta": {"io.modelcontextprotocol/serverInfo": info},
            }
        )
    )
    assert found is not None
    assert json.loads(bytes(found.server_info()["name"])) == "demo"
    assert bytes(found.capabilities["tools"]) == b'{"listChanged": true}'
    begun = read_initialized(result({"protocolVersion": LEGACY, "serverInfo": info}))
    assert begun is not None
    assert (begun.protocol_version, begun.instructions) == (LEGACY, None)


@pytest.mark.parametrize("meta", [{}, {"io.modelcontextprotocol/serverInfo": "demo"}])
def test_a_server_may_say_nothing_of_itself(meta: object) -> None:
    found = read_discovered(result({"supportedVersions": [MODERN], "_meta": meta}))
    assert found is not None
    assert found.server_info() == {}


def test_other_results_are_neither() -> None:
    for frame in (None, error(-1), result([]), result({"capabilities": 1})):
        assert read_discovered(frame) is None
        assert read_initialized(frame) is None
