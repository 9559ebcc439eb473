"""Tools and what is seen of them."""

import msgspec

from mcpgw.gateway.tool import ToolSeen, Visible
from mcpgw.model.tool_class import Classed, ToolClass
from mcpgw.web.wire.tool import NewRuling, Tool, VisibleTools


def test_a_record_there_and_back() -> None:
    seen = ToolSeen("git__log", "git", "log", Classed(ToolClass.READ, "its name says so"))
    sent = msgspec.json.encode(Tool.of(seen))
    assert b'"class":"read"' in sent
    assert msgspec.json.decode(sent, type=Tool).seen() == seen


def test_what_is_seen_there_and_back() -> None:
    visible = Visible(1, 5, "", (("jira", "is down"),))
    assert VisibleTools.of(visible).visible() == visible


def test_a_ruling_is_a_class() -> None:
    assert msgspec.json.decode(b'{"class":"write"}', type=NewRuling).kind is ToolClass.WRITE
