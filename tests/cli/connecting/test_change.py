from hypothesis import given
from hypothesis import strategies as st

from mcpgw.cli.connecting.change import change_text

TOKEN = "mgwu_" + "a" * 49
BEFORE = '{\n  "gh": {"token": "canary"}\n}\n'
AFTER = '{\n  "gh": {"token": "canary"},\n  "mcpgw": {\n    "x": 1\n  }\n}\n'


def test_what_comes_and_goes_and_not_a_word_around_it() -> None:
    assert change_text("f", (BEFORE, AFTER)) == (
        '--- f\n+++ f\n@@ line 2 @@\n+,\n+  "mcpgw": {\n+    "x": 1\n+  }'
    )
    back = change_text("f", (AFTER, AFTER, BEFORE))
    assert back.count("@@ line") == 1
    assert "-    " in back
    assert "canary" not in back


def test_nothing_changes() -> None:
    assert change_text("f", (BEFORE,)) == change_text("f", (BEFORE, BEFORE)) == ""


def test_a_token_is_hidden() -> None:
    shown = change_text("f", ("", f'{{"Authorization": "Bearer {TOKEN}"}}'))
    assert TOKEN not in shown
    assert "Bearer ***" in shown


@given(st.text("ab\n", max_size=9), st.text("ab\n", max_size=9), st.text("c", max_size=4))
def test_only_the_difference(start: str, end: str, middle: str) -> None:
    shown = change_text("f", (start + end, start + middle + end))
    assert [line for line in shown.splitlines() if line.startswith("+c")] == (
        [f"+{middle}"] if middle else []
    )
