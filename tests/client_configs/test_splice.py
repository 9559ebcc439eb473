from hypothesis import given
from hypothesis import strategies as st

from mcpgw.client_configs.splice import Splice, cut, cuts_of, insertion, splice


def test_replaced_in_any_order() -> None:
    changes = [Splice(2, 4, "X"), Splice(0, 1, ""), insertion(5, "-")]
    assert splice("abcdef", changes) == "bXe-f"
    assert splice("abc", []) == "abc"


@given(st.text(max_size=20), st.lists(st.tuples(st.integers(0, 20), st.text(max_size=5))))
def test_insertions_are_cut_out_again(text: str, chosen: list[tuple[int, str]]) -> None:
    insertions = [insertion(min(offset, len(text)), added) for offset, added in chosen]
    assert cut(splice(text, insertions), cuts_of(insertions)) == text
