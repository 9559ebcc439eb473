"""The API under fire: requests made from its own document, fitting and not.

Whatever comes, the answer is one that the document describes, and never a fault of the server.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from tests.e2e.conftest import PEERS, Box

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
FEW, MANY = 300, 5000
PROBLEM = "application/problem+json"


@dataclass
class Target:
    """A served workspace with something of everything, and an admin that nothing locks out."""

    schema: Any
    session: requests.Session
    url: str
    log: Path
    values: dict[str, list[str]]
    sent: int = 0
    taken: int = 0

    def send(self, case: Case[Any]) -> None:
        """Send a request, and look at the answer."""
        response = case.call(base_url=self.url, session=self.session)
        self.sent += 1
        self.taken += response.status_code < 300
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            content_type = response.headers.get("content-type", [""])[0]
            # The door turns a head that is too large away before it knows what is asked for.
            expected = "application/json" if response.status_code == 431 else PROBLEM
            assert content_type == expected, (response.status_code, content_type)


@pytest.fixture
def target(box: Box) -> Iterator[Target]:
    annotated = (sys.executable, str(PEERS / "stdio_annotated.py"), str(box.home / "called"))
    box.run("server", "add", "files", "--no-test", "--", *annotated)
    box.run("server", "approve", "files")
    box.run("secret", "set", "files", "KEY", given="x")
    # Bounds of its own, so that no settings of the workspace shut it out.
    own = ("--addresses", "127.0.0.0/8", "--rate", "1000000/s", "--no-test")
    issued = box.read(
        "token", "issue", "--role", "admin", "--member", "fuzz", "--ttl", "never", *own
    )
    victim = box.read("token", "issue", "--role", "readonly", "--member", "victim", "--no-test")
    with box.serving() as served, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {issued['token']}"
        document = session.get(f"{served.url}/api/v1/openapi.json", timeout=10).json()
        values = {
            "slug": ["demo"],
            "server": ["files", "fuzzed"],
            "secret": ["KEY", "OTHER"],
            "token": [victim["id"]],
            "tool": ["files__annotated", "files__get_thing"],
            "member": ["victim"],
        }
        schema = schemathesis.openapi.from_dict(document)
        yield Target(schema, session, served.url, box.home / "serve.log", values)


def fuzz(target: Target, cases: int) -> None:
    operations = [one.ok() for one in target.schema.get_all_operations()]
    each = -(-cases // (2 * len(operations)))
    for operation in operations:
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)

            @settings(
                max_examples=each,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy, aim=st.booleans(), pick=st.integers(0, 1))
            def attempt(case: Case[Any], aim: bool, pick: int) -> None:
                case.path_parameters = dict(case.path_parameters or {}) | {"slug": "demo"}
                if aim:
                    aimed_at(case, target.values, pick)
                target.send(case)

            attempt()
    healthy = target.session.get(f"{target.url}/healthz", timeout=10)
    assert healthy.status_code == 200
    log = target.log.read_text()
    assert "Traceback" not in log
    assert "internal error" not in log


def aimed_at(case: Case[Any], values: dict[str, list[str]], pick: int) -> None:
    """Let a request mean something that is there, in whatever state it is."""
    for given_values in (case.path_parameters, case.query):
        for name in given_values or {}:
            if name in values:
                given_values[name] = values[name][pick % len(values[name])]
    if case.operation.method.upper() in ("PUT", "PATCH", "DELETE"):
        case.headers["If-Match"] = "*"


def test_a_few_cases(target: Target) -> None:
    fuzz(target, FEW)
    assert target.sent >= FEW * 0.8
    assert target.taken > 20


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_cases(target: Target) -> None:
    fuzz(target, MANY)
    print(  # noqa: T201  (the figures are what it is for)
        f"\n{target.sent} requests, {target.taken} taken, no 5xx"
    )
    assert target.sent >= MANY * 0.8
