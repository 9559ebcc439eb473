import pytest

from mcpgw.client_configs.app import APPS, App, TokenPlace, app
from mcpgw.client_configs.entry import changes_for, entry_of, is_bridged, token_place
from mcpgw.client_configs.shape import Target

TOKEN = "mgwu_" + "a" * 49
URL = "https://x.example/ws/t"
PLAIN = Target(URL, "gw")
INLINE = Target(URL, "gw", token=TOKEN, is_inline=True)

by_key = pytest.mark.parametrize("row", [row for row in APPS if row.form], ids=lambda row: row.key)


@by_key
def test_the_token_stands_in_the_entry_only_when_asked_for(row: App) -> None:
    assert TOKEN not in repr(changes_for(row, PLAIN, None))
    inline = repr(changes_for(row, INLINE, None))
    assert TOKEN in inline
    assert URL in inline
    assert token_place(row, INLINE) is TokenPlace.FILE


@by_key
def test_who_cannot_refer_to_a_token_gets_the_bridge(row: App) -> None:
    is_bridge = "bridge" in entry_of(row, PLAIN).get("args", ())
    assert is_bridge == is_bridged(row, PLAIN) == (not row.reference)
    assert is_bridge == (token_place(row, PLAIN) is TokenPlace.KEYRING)


def test_where_it_goes() -> None:
    rows = {row.key: row for row in APPS}
    (change,) = changes_for(rows["cursor"], PLAIN, None)
    assert (change.path, change.mark) == (("mcpServers", "gw"), "")
    (item,) = changes_for(rows["continue"], PLAIN, None)
    assert (item.path, item.mark, item.value["name"]) == (("mcpServers",), "name", "gw")
    asked, server = changes_for(rows["vs-code"], PLAIN, None)
    assert (asked.path, server.path) == (("inputs",), ("servers", "gw"))
    assert len(changes_for(rows["vs-code"], INLINE, None)) == 1
    (newer,) = changes_for(rows["opencode"], PLAIN, {"mcp": {"servers": {}}})
    assert newer.path == ("mcp", "servers", "gw")


def test_who_keeps_it_in_a_database() -> None:
    row = app("n8n")
    assert row is not None
    assert token_place(row, PLAIN) is TokenPlace.PROMPT
