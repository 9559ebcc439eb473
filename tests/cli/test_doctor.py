from dataclasses import replace

import pytest

from mcpgw.cli.doctor import Severity, check_files, check_sqlite
from mcpgw.config import load_config
from tests.cli.conftest import PEER, Cli


def found(cli: Cli, exit_code: int = 0) -> dict[str, dict[str, str]]:
    return {one["id"]: one for one in cli.json("doctor", exit_code=exit_code)}


def test_all_is_well(echo: Cli) -> None:
    findings = found(echo)
    assert set(findings) - {"sqlite-old"} == {"key-found"}
    assert findings["key-found"]["severity"] == "info"
    done = echo("doctor")
    assert done.out.startswith("FINDING")
    assert "0 problems found" in done.err


def test_no_data(bare: Cli) -> None:
    finding = found(bare, 7)["data-missing"]
    assert finding["fix"] == "run: mcpgw init"
    assert not bare.home.exists()


def test_servers_that_do_not_work(cli: Cli) -> None:
    cli("server", "add", "gone", "--no-test", "--", "no-such-program-anywhere")
    cli("server", "add", "off", "--no-test", "--", "no-such-program-either")
    cli("server", "disable", "off")
    cli("server", "add", "web", "http://127.0.0.1:1/mcp", "--header", "X: ${secret:T}")
    cli("server", "add", "fine", "--no-test", "--", *PEER)
    findings = found(cli, 7)
    assert (
        "gone in default needs no-such-program-anywhere" in findings["program-missing"]["message"]
    )
    assert "web in default" in findings["server-failing"]["message"]
    assert "secret set web T" in findings["server-failing"]["fix"]
    assert "2 problems found" in cli("doctor", exit_code=7).err


def test_tokens_that_end_soon(cli: Cli) -> None:
    soon = cli.json("token", "issue", "--ttl", "3d", "--member", "ana")
    cli("token", "issue", "--ttl", "30d")
    cli("token", "issue", "--ttl", "never")
    cli("token", "revoke", cli.json("token", "issue", "--ttl", "1d")["id"])
    finding = found(cli)["token-expiring"]
    assert finding["severity"] == "warning"
    assert soon["id"] in finding["message"]
    assert "--member ana" in finding["fix"]


def test_a_lost_key(bare: Cli) -> None:
    bare("init", "--yes")
    (key,) = (bare.directory / "config").rglob("*.key")
    key.unlink()
    assert "expected key" in found(bare, 7)["key-unusable"]["message"]


def test_files_that_others_can_read(cli: Cli) -> None:
    path = cli.home / "mcpgw.toml"
    path.write_text("")
    path.chmod(0o644)
    finding = found(cli, 7)["mode-wide"]
    assert finding["fix"] == f"chmod go-rwx {path}"


def test_damaged_databases(cli: Cli) -> None:
    path = cli.home / "journal.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xff" * len(content[4096 * 2 :])
    path.write_bytes(content)
    assert "journal.db" in found(cli, 7)["database-damaged"]["message"]


def test_a_database_of_somebody_else(cli: Cli) -> None:
    (cli.home / "configuration.db").write_text("no database" * 100)
    assert "data-unusable" in found(cli, 7)


def test_room_on_the_disk(cli: Cli) -> None:
    config = load_config({"home": cli.home})
    assert list(check_files(config, 0)) == []
    (finding,) = check_files(config, 1 << 60)
    assert (finding.id, finding.severity) == ("disk-full", Severity.PROBLEM)
    assert list(check_files(replace(config, home=cli.home / "none"))) == []


@pytest.mark.parametrize(("version", "count"), [((3, 40, 1), 1), ((3, 51, 3), 0), ((4, 0, 0), 0)])
def test_old_sqlite_is_mentioned(version: tuple[int, ...], count: int) -> None:
    assert len(list(check_sqlite(version))) == count
