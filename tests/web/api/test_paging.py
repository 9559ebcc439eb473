"""Pages: all of a list, each thing once, whatever comes and goes."""

from typing import Any

import pytest

from mcpgw.errors import InvalidInput
from mcpgw.model.token import OPERATOR, Role
from mcpgw.web.api.paging import cursor_of, page_of, read_cursor
from mcpgw.web.wire.page import Page, PageQuery
from tests.web.api.conftest import ApiClient


def page(found: list[int], **query: Any) -> Page[int]:
    return page_of(found, PageQuery(**query), lambda one: (float(one), str(one)), int)


def test_all_of_it_each_once() -> None:
    found, cursor = [3, 1, 2, 5, 4], ""
    seen: list[int] = []
    while True:
        shown = page(found, limit=2, cursor=cursor)
        seen += shown.items
        if shown.next is None:
            break
        cursor = shown.next
    assert seen == [1, 2, 3, 4, 5]


def test_the_last_page_has_no_next() -> None:
    assert page([1, 2], limit=2).next is None
    assert page([]).items == ()


def test_what_the_cursor_stood_behind_may_be_gone() -> None:
    cursor = page([1, 2, 3, 4], limit=2).next
    assert cursor is not None
    assert page([1, 3, 4], cursor=cursor).items == (3, 4)
    assert page([0, 1, 2, 3], cursor=cursor).items == (3,)


@pytest.mark.parametrize("cursor", ["x", "%", "AAAA", cursor_of(("a",)), cursor_of("a")])
def test_a_cursor_of_elsewhere(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        page([1, 2], cursor=cursor)


def test_deep_nesting_in_a_cursor() -> None:
    with pytest.raises(InvalidInput):
        read_cursor(cursor_of("[") * 100, list[object])


def test_a_cursor_there_and_back() -> None:
    key = (1_800_000_000.123456, 'ü"/')
    assert read_cursor(cursor_of(key), tuple[float, str]) == key


@pytest.mark.parametrize("path", ["/servers", "/secrets", "/tokens", "/members", "/tools"])
async def test_every_list_comes_in_pages(admin: ApiClient, path: str) -> None:
    for number in range(3):
        await admin.world.server(f"s{number}", log="x")
        await admin.ask("PUT", f"/servers/s{number}/secrets/KEY", {"value": "x"})
        await admin.world.gateway.tokens.issue(OPERATOR, "demo", f"m{number}", Role.ADMIN)
    whole = (await admin.get(path))["items"]
    pieces: list[object] = []
    cursor: dict[str, object] = {}
    for _ in range(len(whole)):
        piece = await admin.get(path, limit=1, **cursor)
        pieces += piece["items"]
        cursor = {"cursor": piece["next"]}
    assert len(whole) >= 3
    assert pieces == whole
    assert cursor == {"cursor": None}
