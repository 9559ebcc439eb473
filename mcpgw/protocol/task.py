"""Tasks: calls that a server answers with a ticket, to be asked for until the result is there.

Reads both forms: the experimental one of 2025-11-25, where the client asks for a task, and the
extension of the modern era, where the server decides. Writes only what starts a legacy one.
Source: MCP 2025-11-25, basic/utilities/tasks; MCP extension io.modelcontextprotocol/tasks.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from mcpgw.errors import ProtocolError
from mcpgw.protocol.exchange import Question
from mcpgw.protocol.input_required import read_questions
from mcpgw.protocol.jsonrpc import INTERNAL_ERROR, is_object, text

LEAST_POLL_S, MOST_POLL_S, USUAL_POLL_S = 0.1, 10.0, 1.0
"""Bounds of how long we wait between two looks at a task, whatever its server suggests."""

_FINAL = frozenset({"completed", "failed", "cancelled"})
_STATUSES = _FINAL | {"working", "input_required"}
_ABSENT = Raw(b"")
_CONTENT_FIRST = b'{"content":'
"""How most servers begin the plain result of a tool."""


class TaskState(msgspec.Struct, frozen=True):
    """A task as its server last described it.

    A modern server says with the status what belongs to it: `questions` when input is required,
    `result` or `error` at the end. A legacy one says none of it.
    """

    id: str
    status: str
    poll_s: float
    questions: dict[str, Question]
    result: Raw | None
    error: Raw | None

    @property
    def is_final(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in _FINAL


class _Task(msgspec.Struct, rename="camel"):
    """A task as it travels, in either form."""

    task_id: str
    status: str
    poll_interval_ms: Raw = _ABSENT
    poll_interval: Raw = _ABSENT
    input_requests: Raw = _ABSENT
    result: Raw = _ABSENT
    error: Raw = _ABSENT


class _Created(msgspec.Struct, rename="camel"):
    """What tells a ticket from a plain result."""

    result_type: Raw = _ABSENT
    task: Raw = _ABSENT
    content: Raw = _ABSENT


class _Execution(msgspec.Struct, rename="camel"):
    """How a tool wants to be called."""

    task_support: Raw = _ABSENT


_task_decoder = msgspec.json.Decoder(_Task)
_created_decoder = msgspec.json.Decoder(_Created)
_execution_decoder = msgspec.json.Decoder(_Execution)
_number_decoder = msgspec.json.Decoder(float)


def read_created(result: Raw) -> TaskState | None:
    """Return the task that a call was answered with, None for a plain result.

    Raises:
        ProtocolError: -32603, it is a task that cannot be read.
    """
    if memoryview(result)[: len(_CONTENT_FIRST)] == _CONTENT_FIRST:
        return None  # no ticket has content; spares a search of a long result
    if b'"taskId"' not in bytes(result):
        return None
    try:
        created = _created_decoder.decode(result)
    except (ValueError, RecursionError):
        return None
    if text(created.result_type) == "task":
        return read_task(result)
    if is_object(created.task) and created.content is _ABSENT and created.result_type is _ABSENT:
        return read_task(created.task)
    return None


def read_task(result: Raw) -> TaskState:
    """Return the task that a `tasks/get` was answered with.

    Raises:
        ProtocolError: -32603, it cannot be read.
    """
    try:
        task = _task_decoder.decode(result)
    except (ValueError, RecursionError):
        raise ProtocolError("the server sent no valid task", INTERNAL_ERROR) from None
    if task.status not in _STATUSES:
        raise ProtocolError("the server sent a task of an unknown status", INTERNAL_ERROR)
    is_asking = task.status == "input_required" and task.input_requests is not _ABSENT
    return TaskState(
        id=task.task_id,
        status=task.status,
        poll_s=_poll_s(task),
        questions=read_questions(task.input_requests) if is_asking else {},
        result=_if_object(task.result),
        error=_if_object(task.error),
    )


def task_param(ttl_ms: int) -> Raw:
    """Return the parameter that asks a legacy server to make a task of a call."""
    return Raw(b'{"ttl":%d}' % ttl_ms)


def needs_task(item: Mapping[str, Raw]) -> bool:
    """Say whether a legacy server's tool can be called as a task only."""
    execution = item.get("execution")
    if execution is None:
        return False
    try:
        return text(_execution_decoder.decode(execution).task_support) == "required"
    except (ValueError, RecursionError):
        return False


def _poll_s(task: _Task) -> float:
    suggested = task.poll_interval if task.poll_interval_ms is _ABSENT else task.poll_interval_ms
    try:
        poll_s = _number_decoder.decode(suggested) / 1000
    except ValueError:
        return USUAL_POLL_S
    return min(max(poll_s, LEAST_POLL_S), MOST_POLL_S)


def _if_object(raw: Raw) -> Raw | None:
    return raw if is_object(raw) else None
