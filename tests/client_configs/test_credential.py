"""What is taken for a credential. A wrong "no" leaves one in plain text."""

import pytest

from mcpgw.client_configs.credential import (
    argument_credential,
    is_known,
    judge,
    judge_header,
    url_credential,
)

RANDOM = "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_PERSONAL_ACCESS_TOKEN", "x"),
        ("API_KEY", "true"),
        ("OPENAI_APIKEY", "12"),
        ("DB_PASSWORD", "hunter2"),
        ("DB_PW", "hunter2"),
        ("client-secret", "/a/path"),
        ("SIG", "1"),
        ("HOST", "ghp_0123456789abcdef"),
        ("MODE", f"Bearer {'sk-' + 'a' * 20}"),
        ("DATABASE_URL", "postgres://user:secret@db.example/x"),
        ("DATABASE_URL", f"https://{RANDOM}@db.example/x"),
        ("ENDPOINT", "https://x.example/?api_key=1"),
        ("ENDPOINT", f"https://x.example/s/{RANDOM}/mcp"),
        ("FOO", "canary-7f3a9c"),
        ("FOO", RANDOM),
        ("REGION", RANDOM),
        ("LOG_FORMAT", "a b\nc"),
        ("FOO", "https://["),
    ],
)
def test_secrets(name: str, value: str) -> None:
    assert judge(name, value).is_secret
    assert judge(name, value).why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", ""),
        ("FOO", "true"),
        ("FOO", "INFO"),
        ("PORT", "8080"),
        ("AWS_REGION", "eu-central-1"),
        ("LOG_LEVEL", "verbose"),
        ("TOKEN_FILE", "/run/secrets/token"),
        ("SSH_KEY_PATH", "~/.ssh/id_ed25519"),
        ("ROOT", "C:\\Users\\me\\docs"),
        ("BASE_URL", "https://api.example.com/v1/things"),
        ("JIRA_URL", "https://me@jira.example/x?page=2"),
        ("SERVER", "db.example.com:5432"),
        ("SERVER", "localhost"),
        ("ATLASSIAN_EMAIL", "ana@example.com"),
        ("MAX_TOKENS", "4096"),
    ],
)
def test_settings(name: str, value: str) -> None:
    judged = judge(name, value)
    assert not judged.is_secret, judged


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("Authorization", "Bearer x", True),
        ("X-Anything", "1", True),
        ("X-Anything", "", False),
        ("User-Agent", "me/1.0", False),
        ("User-Agent", "ghp_0123456789abcdef", True),
        ("X-MCP-Readonly", "true", False),
        ("X-MCP-Toolsets", "repos,issues", False),
        ("X-MCP-Token", "abc", True),
    ],
)
def test_headers(name: str, value: str, is_secret: bool) -> None:
    assert judge_header(name, value).is_secret is is_secret


@pytest.mark.parametrize(
    ("arguments", "position"),
    [
        (("-y", "@modelcontextprotocol/server-filesystem", "/srv/docs"), None),
        (("--port", "8080", "--mode=stdio", "--verbose"), None),
        (("--token-file", "/run/token"), None),
        (("run", "-i", "--rm", "-e", "GITHUB_TOKEN", "ghcr.io/github/server:1.2.3"), None),
        (("server@2026.8.31", "--max-tokens", "4096"), None),
        (("--api-key", "--other"), None),
        (("--api-key=",), None),
        (("--url=https://api.example.com/mcp",), None),
        (("--api-key", "x"), 1),
        (("--api-key", ""), None),
        (("-y", "pkg", "--token=x"), 2),
        (("--data=ghp_0123456789abcdef",), 0),
        (("--header", "Authorization: Bearer abc"), 1),
        (("--header", "X-Custom: " + RANDOM), 1),
        (("-e", "API_KEY=x"), 1),
        (("postgres://user:secret@db.example/x",), 0),
        (("ghp_0123456789abcdef",), 0),
        ((RANDOM,), 0),
    ],
)
def test_arguments(arguments: tuple[str, ...], position: int | None) -> None:
    assert argument_credential(arguments) == position


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("https://x.example/mcp?profile=free&key=", ""),
        ("https://u:p@x.example/", "user"),
        ("https://ghp_0123456789abcdef@x.example/", "user"),
        ("https://x.example/?code=1", "code"),
        ("https://x.example/?q=" + RANDOM, "parameter q"),
        ("https://[x", "cannot be read"),
    ],
)
def test_urls(url: str, part: str) -> None:
    found = url_credential(url)
    assert (part in found) if part else found == ""


def test_a_prefix_alone_is_no_token() -> None:
    assert not is_known("sk-tiny")
    assert is_known("token ghp_0123456789abcdef")
