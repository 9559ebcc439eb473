"""The questions in docs/journal.md are answered by the very commands that stand there."""

import asyncio
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpgw.config import load_config
from tests.cli.conftest import Cli
from tests.stories import LEAVER, tell

PAGE = Path(__file__).parents[2] / "docs" / "journal.md"


def commands() -> list[list[str]]:
    """Return the commands that the page shows with their answers."""
    found = re.findall(r"^    \$ mcpgw (.*)$", PAGE.read_text(), re.M)
    return [shlex.split(line) for line in found]


@pytest.fixture(scope="module")
def told(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a fortnight of calls."""
    directory = tmp_path_factory.mktemp("told")
    shutil.copytree(made, directory, dirs_exist_ok=True)
    key = next(path for path in (directory / "config").rglob("*") if path.is_file())
    config = replace(load_config({"home": directory / "data"}), master_key_file=str(key))
    asyncio.run(tell(config, "default"))
    return directory


@pytest.fixture
def cli(bare: Cli, told: Path) -> Cli:
    shutil.copytree(told, bare.directory, dirs_exist_ok=True)
    return bare


def answer(cli: Cli, *wanted: str) -> dict[str, dict[str, Any]]:
    """Run the command of the page that has these words, and return its figures by name."""
    (command,) = [one for one in commands() if set(wanted) <= set(one)]
    shown = cli(*command).out
    answered: dict[str, Any] = cli.json(*command)
    figures = {one["name"]: one for one in (*answered["figures"], answered["total"])}
    assert all(name in shown for name in figures)
    if "previous" in answered:
        figures |= {f"was {one['name']}": one for one in answered["previous"]["figures"]}
    return figures


def test_the_page_has_four_questions() -> None:
    assert len(commands()) == 4


def test_why_is_jira_slow_this_week(cli: Cli) -> None:
    found = answer(cli, "jira", "previous")
    search, before = found["jira__search"], found["was jira__search"]
    assert search["p95_us"] > 4 * before["p95_us"]
    assert search["p95_us"] > 2 * found["jira__get_issue"]["p95_us"]
    assert search["gateway_share"] < 0.01
    assert cli.json("logs", "show", search["slowest_call"])["duration_us"] == search["slowest_us"]


def test_who_meets_the_limit_of_github(cli: Cli) -> None:
    found = answer(cli, "github")
    limited = {name for name, one in found.items() if one["rate_limited"]}
    assert limited == {"bo@team.org", "all"}
    assert found["bo@team.org"]["rate_limited"] > 20


def test_which_agent_hammers_postgres_at_two(cli: Cli) -> None:
    found = answer(cli, "postgres", "2")
    assert found["nightly-report"]["calls"] > 0.95 * found["all"]["calls"] > 2000


def test_does_anyone_still_use_the_leavers_token(cli: Cli) -> None:
    found = answer(cli, LEAVER)
    assert {name.partition("__")[0] for name in found} == {"slack", "all"}
    clients = cli.json("stats", "--by", "client", "--member", LEAVER, "--since", "8d")
    assert [one["name"] for one in clients["figures"]] == ["ci-job"]


def test_the_rest_of_the_journal_is_in_order(cli: Cli) -> None:
    found, _ = cli.json("logs", "verify")
    assert found["is_whole"]
    assert found["unfinished"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "serve"), "did you mean server?"),
        (("--by", "nothing"), "use one of: server, tool"),
        (("--compare", "next"), "--compare previous"),
        (("--since", "yesterday"), "--since"),
        (("--until", "8d"), "longer than 400 days"),
        (("--since", "500d"), "longer than 400 days"),
    ],
)
def test_what_is_no_question(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli.refused(2, "stats", *arguments)


def test_more_names_than_lines(cli: Cli) -> None:
    done = cli("stats", "--by", "tool", "-n", "2")
    assert len(done.out.splitlines()) == 4
    assert "and 8 more: -n 10" in done.err


def test_of_a_workspace_without_calls(cli: Cli) -> None:
    cli("workspace", "create", "empty")
    lines = cli("stats", "-w", "empty").out.splitlines()
    assert lines[1].split() == ["all", "0", "0%", "-", "-", "-", "0%", "-", "0"]
