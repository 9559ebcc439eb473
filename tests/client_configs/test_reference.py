import pytest

from mcpgw.client_configs.reference import Referred, replace_references, secret_name

SET = {"A": "1", "HOME": "/h"}


def referred(text: str) -> tuple[str, list[Referred]]:
    found: list[Referred] = []

    def write(one: Referred) -> str:
        found.append(one)
        return f"<{one.name}>"

    return replace_references(text, SET.get, write), found


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("${A}", "<A>", "1"),
        ("$A", "<A>", "1"),
        ("Bearer $A", "Bearer <A>", "1"),
        ("x${A}y", "x<A>y", "1"),
        ("${B:-two}", "<B>", "two"),
        ("${A:-two}", "<A>", "1"),
        ("${B}", "<B>", None),
        ("${env:A}", "<A>", "1"),
        ("{env:A}", "<A>", "1"),
        ("${input:my-token}", "<my-token>", None),
        ("${{ secrets.A }}", "<A>", None),
        ("{{USER_TOKEN}}", "<USER_TOKEN>", None),
        ("${userHome}/x", "<userHome>/x", "/h"),
    ],
)
def test_every_spelling(text: str, written: str, value: str | None) -> None:
    found, (one,) = referred(text)
    assert (found, one.value) == (written, value)


@pytest.mark.parametrize("text", ["", "pa$word", "$1", "a $A b", "${}", "{A}", "$$", "${a b}"])
def test_what_is_none(text: str) -> None:
    assert referred(text) == (text, [])


def test_what_is_referred_to() -> None:
    assert Referred("HOME", "/h").is_setting
    assert Referred("userHome", "/h").is_setting
    assert not Referred("HOME", None).is_setting
    assert not Referred("A", "1").is_setting
    assert Referred("workspaceFolder", None).is_of_an_editor
    assert not Referred("WORKSPACE", None).is_of_an_editor


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GITHUB_TOKEN", "GITHUB_TOKEN"),
        ("X-Api-Key", "X_API_KEY"),
        ("my.token", "MY_TOKEN"),
        ("1st", "S_1ST"),
        ("é", "S_"),
        ("a" * 200, "A" * 128),
    ],
)
def test_names_of_secrets(text: str, name: str) -> None:
    assert secret_name(text) == name
