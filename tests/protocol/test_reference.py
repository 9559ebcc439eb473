"""What a completion refers to."""

import pytest
from msgspec import Raw

from mcpgw.protocol.reference import referred, with_name

PROMPT = {"ref": Raw(b'{"type":"ref/prompt","name":"git__commit"}')}
TEMPLATE = {"ref": Raw(b'{"type":"ref/resource","uri":"file:///{path}"}')}


@pytest.mark.parametrize(
    ("params", "found"),
    [
        (PROMPT, (True, "git__commit")),
        (TEMPLATE, (False, "file:///{path}")),
        ({"ref": Raw(b"[1]")}, (False, "")),
        ({"ref": Raw(b"{}")}, (False, "")),
        ({}, (False, "")),
        ({"ref": Raw(b'{"name":7}')}, (True, "")),
    ],
)
def test_what_is_meant(params: dict[str, Raw], found: tuple[bool, str]) -> None:
    assert referred(params) == found


def test_a_prompt_gets_its_own_name_and_the_rest_stays() -> None:
    params = {**PROMPT, "argument": Raw(b'{"name": "x"}')}
    named = with_name(params, "commit")
    assert bytes(named["ref"]) == b'{"type":"ref/prompt","name":"commit"}'
    assert bytes(named["argument"]) == b'{"name": "x"}'


@pytest.mark.parametrize("params", [TEMPLATE, {"ref": Raw(b"[1]")}, {}])
def test_what_is_no_prompt_stays(params: dict[str, Raw]) -> None:
    assert with_name(params, "commit") == params
