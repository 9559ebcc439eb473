"""What holds of every edit: it can be undone to the byte, and it says what it should."""

import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import assume, given

from mcpgw.client_configs.edit import (
    JSON,
    TOML,
    YAML,
    Change,
    Edited,
    Format,
    add,
    remove,
    take_out,
    trace,
)
from mcpgw.client_configs.path import at
from mcpgw.client_configs.splice import cut
from mcpgw.errors import InvalidInput
from tests.client_configs import documents

ENTRY = {"type": "http", "url": "https://x.example/ws/t", "headers": {"A": "Bearer ${T}"}}
SERVER = Change(("mcpServers", "mcpgw"), ENTRY)
ITEM = Change(("servers",), {"name": "mcpgw", **ENTRY}, mark="name")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n\r]*|/\*[\s\S]*?\*/|[^\s]')


def tokens(text: str) -> list[str]:
    """Return everything that is no blank: names, values, signs, comments."""
    return [found.rstrip() for found in TOKEN.findall(text)]


def undone(edited: Edited) -> str:
    text = edited.text
    for cuts in edited.cuts:
        text = cut(text, cuts)
    return text


def added(form: Format, text: str, *changes: Change) -> Edited:
    """Add, and insist that the cuts alone give back every byte."""
    edited = add(form, text, changes)
    assert undone(edited) == text
    return edited


def can_take(document: Any, path: tuple[str, ...], kind: type) -> bool:
    """Say whether `path` leads through tables to a `kind`, or to nothing."""
    for depth in range(len(path)):
        found = at(document, path[: depth + 1])
        is_last = depth + 1 == len(path)
        if found is None:
            holder = at(document, path[:depth])
            return isinstance(holder, dict) and path[depth] not in holder
        if not isinstance(found, kind if is_last else dict):
            return False
    return True


@given(documents.jsonc())
def test_json_there_and_back(document: tuple[str, Any]) -> None:
    text, value = document
    assert JSON.read(text) == value
    assume(can_take(value, ("mcpServers",), dict))
    edited = added(JSON, text, SERVER)
    wanted = deepcopy(value)
    wanted.setdefault("mcpServers", {})["mcpgw"] = ENTRY
    assert JSON.read(edited.text) == wanted
    back = remove(JSON, edited.text, edited.traces)
    assert JSON.read(back) == value
    # Among neighbours even the blanks are as before; elsewhere all that is no blank.
    if value.get("mcpServers"):
        assert back == text
    else:
        assert tokens(back) == tokens(text)


@given(documents.jsonc())
def test_json_lists_there_and_back(document: tuple[str, Any]) -> None:
    text, value = document
    assume(can_take(value, ("servers",), list))
    edited = added(JSON, text, ITEM)
    assert JSON.read(edited.text)["servers"] == [*value.get("servers", []), ITEM.value]
    back = remove(JSON, edited.text, edited.traces)
    assert JSON.read(back) == value
    assert tokens(back) == tokens(text)


@given(documents.jsonc())
def test_json_loses_any_member_and_nothing_else(document: tuple[str, Any]) -> None:
    text, value = document
    for name in value:
        rest = take_out(JSON, text, (name,))
        assert JSON.read(rest) == {key: each for key, each in value.items() if key != name}
        left = iter(tokens(text))
        assert all(token in left for token in tokens(rest))


@given(documents.yaml())
def test_yaml_there_and_back(text: str) -> None:
    value = YAML.read(text)
    for change, kind in ((SERVER, dict), (ITEM, list)):
        path = change.path if change.mark else change.path[:-1]
        if not can_take(value, path, kind):
            continue
        edited = added(YAML, text, change)
        back = remove(YAML, edited.text, edited.traces)
        assert YAML.read(back) == value
        assert back.split() == text.split() or "{}" in text or "[]" in text


@given(documents.yaml())
def test_yaml_loses_any_member_and_no_comment(text: str) -> None:
    value = YAML.read(text)
    for name in value:
        rest = take_out(YAML, text, (name,))
        assert (YAML.read(rest) or {}) == {key: each for key, each in value.items() if key != name}
        assert set(rest.splitlines()) <= set(text.splitlines())


@given(documents.toml())
def test_toml_there_and_back(text: str) -> None:
    value = TOML.read(text)
    change = Change(("mcp_servers", "mcpgw"), {"url": "u", "http_headers": {"A": "b"}})
    edited = added(TOML, text, change)
    assert TOML.read(edited.text)["mcp_servers"]["mcpgw"] == change.value
    back = remove(TOML, edited.text, edited.traces)
    assert TOML.read(back) == value
    assert back == text or back == text + ("\r\n" if "\r\n" in text else "\n")
    for name in value or {}:
        rest = take_out(TOML, text, (name,))
        assert (TOML.read(rest) or {}) == {k: v for k, v in value.items() if k != name}


def test_what_is_there_is_not_added_again() -> None:
    text = '{"inputs": [{"id": "x", "old": true}], "servers": {}}'
    first = Change(("inputs",), {"id": "x"}, mark="id")
    edited = added(JSON, text, first, Change(("servers", "mcpgw"), {}))
    assert [one.path for one in edited.traces] == [("servers", "mcpgw")]
    assert '"old": true' in edited.text


def test_what_is_gone_already_is_no_reason_to_stop() -> None:
    edited = added(JSON, "{}", SERVER)
    assert remove(JSON, "{}", edited.traces) == "{}"
    assert remove(JSON, '{"mcpServers": 3}', edited.traces) == '{"mcpServers": 3}'
    item = added(JSON, "{}", ITEM)
    assert remove(JSON, '{"servers": [7, {"name": "else"}]}', item.traces) == (
        '{"servers": [7, {"name": "else"}]}'
    )


def test_tables_that_were_made_go_as_long_as_they_are_empty() -> None:
    deep = Change(("a", "b", "c"), {"x": 1})
    edited = added(JSON, '{"z": 1}', deep)
    assert edited.traces == (trace({"z": 1}, deep),)
    assert edited.traces[0].made == 2
    assert remove(JSON, edited.text, edited.traces) == '{"z": 1}'
    filled = edited.text.replace('"b": {', '"mine": 1, "b": {')
    assert JSON.read(remove(JSON, filled, edited.traces)) == {"z": 1, "a": {"mine": 1}}


@pytest.mark.parametrize(
    ("form", "text", "change", "message"),
    [
        (JSON, '{"mcpServers": []}', SERVER, "mcpServers is not a table"),
        (JSON, '{"mcpServers": {"mcpgw": null}}', SERVER, "mcpServers.mcpgw is not a list"),
        (JSON, '{"servers": {}}', ITEM, "servers is not a list"),
        (JSON, "[1]", SERVER, "the document is not a table"),
        (YAML, "mcpServers: [a]", SERVER, "mcpServers is not a table"),
        (YAML, "servers: {a: 1}", ITEM, "servers is not a list"),
        (YAML, "- a", SERVER, "the document is not a table"),
        (TOML, "mcpServers = {}", SERVER, "cannot be changed safely"),
        (YAML, "a: |\n  text", SERVER, "cannot be changed safely"),
        (TOML, "", ITEM, "cannot be a list in TOML"),
    ],
)
def test_what_has_another_shape_is_refused(
    form: Format, text: str, change: Change, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        add(form, text, [change])
