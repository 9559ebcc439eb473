"""What `mcpgw import` takes; what it does is in connecting/test_import_run.py."""

from tests.cli.conftest import Cli, Desk


def test_it_explains_itself(bare: Cli) -> None:
    shown = bare("import", "--help").out
    for option in ("--replace", "--dry-run", "--no-test", "--client", "--yes", "[PATH...]"):
        assert option in shown


def test_paths_and_options_arrive(box_desk: Desk) -> None:
    (box_desk.project / "a.json").write_text('{"mcpServers": {"a": {"url": "https://x.example/"}}}')
    (result,) = box_desk.cli.json("import", "a.json", "--client", "kiro", "--dry-run")
    assert (result["client"], result["server"], result["status"]) == ("kiro", "a", "new")
    box_desk.cli.refused(3, "import", "a.json", "--client", "curser")
