import json

import pytest
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR
from mcpgw.protocol.task import TaskState, needs_task, read_created, read_task, task_param

TASK = {
    "taskId": "t1",
    "status": "working",
    "createdAt": "2026-07-28T00:00:00Z",
    "lastUpdatedAt": "2026-07-28T00:00:00Z",
}
DEEP = b'{"taskId":' * 100_000


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def state(**more: object) -> TaskState:
    members: dict[str, object] = {
        "id": "t1",
        "status": "working",
        "poll_s": 1.0,
        "questions": {},
        "result": None,
        "error": None,
    }
    return TaskState(**(members | more))  # type: ignore[arg-type]  # a table's row


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        # tickets
        ({"task": {**TASK, "ttl": 1000, "pollInterval": 500}}, state(poll_s=0.5)),
        ({"task": TASK, "_meta": {}}, state()),
        ({**TASK, "resultType": "task", "ttlMs": None, "pollIntervalMs": 2500}, state(poll_s=2.5)),
        # plain results
        ({"content": []}, None),
        ({"isError": False, "content": []}, None),
        ({"isError": False, "content": [{"text": "taskId"}]}, None),
        ({"isError": False, "content": [], "task": TASK}, None),
        ({"structuredContent": {"taskId": "t1", "resultType": "task"}}, None),
        ({**TASK, "resultType": "complete"}, None),
        ({"resultType": "complete", "task": TASK}, None),
        ({"resultType": 5, "taskId": "x"}, None),
        ({"task": "taskId", "x": {"taskId": 1}}, None),
        (["taskId"], None),
    ],
)
def test_tickets_are_told_from_plain_results(result: object, expected: TaskState | None) -> None:
    assert read_created(raw(result)) == expected


@pytest.mark.parametrize("result", [b'{"content":[],"taskId":"t","resultType":"task"}', DEEP])
def test_what_begins_like_no_ticket_is_none(result: bytes) -> None:
    compact = Raw(result)
    assert read_created(compact) is None


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (TASK, state()),
        ({**TASK, "resultType": "complete"}, state()),
        ({**TASK, "pollInterval": 1}, state(poll_s=0.1)),
        ({**TASK, "pollIntervalMs": 3_600_000}, state(poll_s=10.0)),
        ({**TASK, "pollIntervalMs": 1500, "pollInterval": 1}, state(poll_s=1.5)),
        ({**TASK, "pollIntervalMs": "soon"}, state()),
        ({**TASK, "pollIntervalMs": None}, state()),
        ({**TASK, "pollInterval": -5}, state(poll_s=0.1)),
        ({**TASK, "pollInterval": 10**400}, state()),
        ({**TASK, "status": "cancelled"}, state(status="cancelled")),
        ({**TASK, "status": "completed"}, state(status="completed")),
        (
            {**TASK, "status": "completed", "result": {"content": []}},
            state(status="completed", result=Raw(b'{"content": []}')),
        ),
        (
            {**TASK, "status": "failed", "error": {"code": 1}},
            state(status="failed", error=Raw(b'{"code": 1}')),
        ),
        ({**TASK, "status": "failed", "error": None}, state(status="failed")),
        ({**TASK, "status": "input_required"}, state(status="input_required")),
        (
            {
                **TASK,
                "status": "input_required",
                "inputRequests": {"a": {"method": "roots/list", "params": {}}},
            },
            state(status="input_required", questions={"a": Question("roots/list", Raw(b"{}"))}),
        ),
        ({**TASK, "inputRequests": {"a": {"method": "roots/list"}}}, state()),
    ],
)
def test_the_state_of_a_task(task: object, expected: TaskState) -> None:
    found = read_task(raw(task))
    assert found == expected
    assert found.is_final is (found.status in ("completed", "failed", "cancelled"))


@pytest.mark.parametrize(
    "task",
    [
        b"{}",
        b"[]",
        b'{"taskId":"t"}',
        b'{"taskId":5,"status":"working"}',
        b'{"taskId":"t","status":"dreaming"}',
        b'{"taskId":"t","status":"input_required","inputRequests":[]}',
        DEEP,
    ],
)
def test_malformed_tasks_are_refused(task: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_task(Raw(task))
    assert refusal.value.rpc_code == INTERNAL_ERROR


@pytest.mark.parametrize("result", [{"resultType": "task", "taskId": "t"}, {"task": {"taskId": 5}}])
def test_malformed_tickets_are_refused(result: object) -> None:
    with pytest.raises(ProtocolError):
        read_created(raw(result))


def test_what_starts_a_legacy_task() -> None:
    assert json.loads(bytes(task_param(60_000))) == {"ttl": 60_000}


@pytest.mark.parametrize(
    ("execution", "expected"),
    [
        (None, False),
        (b'{"taskSupport":"required"}', True),
        (b'{"taskSupport":"optional"}', False),
        (b'{"taskSupport":"forbidden"}', False),
        (b'{"taskSupport":5}', False),
        (b"{}", False),
        (b"[]", False),
        (b'{"a":' * 100_000, False),
    ],
)
def test_which_tools_need_a_task(execution: bytes | None, expected: bool) -> None:
    item = {} if execution is None else {"execution": Raw(execution)}
    assert needs_task(item) is expected
