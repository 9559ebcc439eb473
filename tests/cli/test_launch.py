from pathlib import Path

import pytest

from mcpgw.cli.launch import read_launch
from mcpgw.errors import InvalidInput
from mcpgw.model.server import HttpLaunch, StdioLaunch

URL = "https://mcp.example.com/mcp"


def test_a_url_with_headers() -> None:
    bearer = "Bearer ${secret:T}"
    assert read_launch([URL], [f"Authorization: {bearer}", "X-Team:a:b"], [], None) == HttpLaunch(
        URL, (("Authorization", bearer), ("X-Team", "a:b"))
    )


def test_a_command_with_variables(tmp_path: Path) -> None:
    launch = read_launch(
        ["npx", "-y", "pkg"], [], ["TOKEN=${secret:T}", "LEVEL=a=b", "EMPTY_TOKEN="], str(tmp_path)
    )
    env = (("TOKEN", "${secret:T}"), ("LEVEL", "a=b"), ("EMPTY_TOKEN", ""))
    assert launch == StdioLaunch(("npx", "-y", "pkg"), env, str(tmp_path))


def test_a_program_given_as_a_path_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    launch = read_launch(["./server"], [], [], None)
    assert launch == StdioLaunch((str(tmp_path / "server"),))
    assert read_launch(["./server"], [], [], ".") == StdioLaunch(("./server",), (), str(tmp_path))


@pytest.mark.parametrize(
    ("target", "headers", "env", "cwd", "message"),
    [
        ([], [], [], None, "neither a URL nor a command"),
        ([URL, "x"], [], [], None, "a URL takes no command"),
        ([URL], [], ["A=b"], None, "a URL takes no command"),
        ([URL], [], [], "/", "a URL takes no command"),
        (["npx"], ["A: b"], [], None, "a command takes no --header"),
        ([URL], ["nothing"], [], None, "no colon"),
        (["npx"], [], ["nothing"], None, "no '='"),
        (["npx"], [], [], "/no/such/place", "no directory"),
    ],
)
def test_what_does_not_fit(
    target: list[str], headers: list[str], env: list[str], cwd: str | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_launch(target, headers, env, cwd)


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("Authorization: Bearer canary", "'Authorization: Bearer ${secret:AUTHORIZATION}'"),
        ("X-API-Key: canary", "'X-API-Key: ${secret:X_API_KEY}'"),
        ("Cookie: canary", "${secret:COOKIE}"),
    ],
)
def test_a_credential_in_a_header_is_refused(header: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="is written out") as caught:
        read_launch([URL], [header], [], None)
    assert hint in caught.value.hint
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "apikey", "DB_PASSWORD", "CLIENT_SECRET"])
def test_a_credential_in_a_variable_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is written out") as caught:
        read_launch(["npx"], [], [f"{name}=canary"], None)
    assert f"'{name}=${{secret:{name.upper()}}}'" in caught.value.hint
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", ["TOKEN_FILE", "KEY_PATH", "LOG_LEVEL"])
def test_what_only_says_where_is_taken(name: str) -> None:
    assert read_launch(["npx"], [], [f"{name}=/x"], None) == StdioLaunch(("npx",), ((name, "/x"),))
