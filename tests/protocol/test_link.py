import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mcpgw.protocol.link import MAX_LINKS, MAX_RESULT_BYTES, linked_uris


def link(uri: object) -> dict[str, object]:
    return {"type": "resource_link", "uri": uri, "name": "n"}


TEXT = {"type": "text", "text": '"resource_link"'}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"content": [link("a"), TEXT, link("b"), link("a")]}, ["a", "b"]),
        ({"messages": [{"role": "user", "content": link("a")}, {"content": TEXT}]}, ["a"]),
        ({"content": [link("\u00e9\n")]}, ["\u00e9\n"]),
        ({"content": [TEXT]}, []),
        ({"content": [{"type": "text", "text": "plain"}]}, []),
        ({"content": [link(5), link(None), 5, [link("x")], {"type": "resource_link"}]}, []),
        ({"messages": [5, {}, {"content": 5}, {"content": [link("x")]}]}, []),
        ({"content": link("x")}, []),
        ({"content": [{"type": ["resource_link"], "uri": "x"}]}, []),
        (link("x"), []),
        (["resource_link"], []),
        ({"content": [link(str(i)) for i in range(MAX_LINKS + 5)]}, [*map(str, range(MAX_LINKS))]),
    ],
)
def test_the_resources_that_a_result_links_to(result: object, expected: list[str]) -> None:
    assert linked_uris(Raw(json.dumps(result).encode())) == expected


@pytest.mark.parametrize(("more", "expected"), [(0, ["a"]), (1, [])])
def test_a_document_is_not_searched(more: int, expected: list[str]) -> None:
    result = json.dumps({"content": [link("a")]}).encode()
    assert linked_uris(Raw(result + b" " * (MAX_RESULT_BYTES - len(result) + more))) == expected


def test_nothing_deep_breaks_the_search() -> None:
    assert linked_uris(Raw(b'{"resource_link":' * 50_000)) == []


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["resource_link", "u"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "messages", "type", "uri"]), inner, max_size=4
        )
    ),
)


@given(json_values)
def test_no_result_breaks_the_search(value: object) -> None:
    found = linked_uris(Raw(json.dumps(value).encode()))
    assert all(uri in ("resource_link", "u") for uri in found)
