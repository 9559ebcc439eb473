"""A ruling's MAC covers what it decides."""

from dataclasses import replace

from mcpgw.model.ruling import Ruling
from mcpgw.model.tool_class import ToolClass


def test_the_mac_covers_what_decides_and_nothing_else() -> None:
    ruling = Ruling("srv_1", "search", ToolClass.READ, 1.0)
    assert ruling.with_mac(b"mac") == replace(ruling, row_mac=b"mac")
    assert replace(ruling, ruled_at=2.0).decisive_fields() == ruling.decisive_fields()
    for other in (
        replace(ruling, server_id="srv_2"),
        replace(ruling, tool="find"),
        replace(ruling, kind=ToolClass.WRITE),
    ):
        assert other.decisive_fields() != ruling.decisive_fields()
