"""The rules of the house that import-linter, ruff and mypy cannot check. No list of exceptions."""

import ast
import inspect
import re
import tomllib
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fnmatch import fnmatch
from pathlib import Path

from msgspec import Struct
from typer.core import TyperGroup
from typer.main import get_command

from mcpgw import __version__, errors
from mcpgw.cli import app, output
from mcpgw.config import SETTINGS
from mcpgw.errors import GatewayError
from mcpgw.gateway.gateway import Gateway
from mcpgw.model.token import Principal
from mcpgw.web.errors import HTTP_STATUS, RPC_CODE

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    *("README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml"),
    *("bench", "docs", "examples", "mcpgw", "requirements", "tests"),
}
BANNED_NAME = re.compile(
    r"(utils?|helpers?|common|misc|managers?|services?|core|base|types)|.*_(v\d+|next|new|old)"
)
BROAD_HANDLERS = {"mcpgw/web/middleware.py", "mcpgw/cli/__init__.py"}
"""The two last lines of defence: they log what nobody expected and show `Internal error`."""

IGNORED = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]


def project_files(folder: Path = ROOT) -> Iterator[Path]:
    """Return the files of the project, as git would add them."""
    for path in sorted(folder.iterdir()):
        if path.name == ".git" or any(fnmatch(path.name, pattern) for pattern in IGNORED):
            continue
        if path.is_dir():
            yield from project_files(path)
        else:
            yield path


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules() -> list[Path]:
    return [path for path in project_files(ROOT / "mcpgw") if path.suffix == ".py"]


def is_declaration(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether nothing but a docstring or `...` stands in a function."""
    only = function.body[0] if len(function.body) == 1 else None
    return isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant)


def has_behaviour(path: Path) -> bool:
    """Say whether the module defines a function that does something: declarations do nothing."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return any(not is_declaration(node) for node in functions)


def test_every_module_that_does_something_has_its_test_file() -> None:
    wanted = {
        f"tests/{path.relative_to(ROOT / 'mcpgw').with_name(f'test_{path.name}').as_posix()}"
        for path in modules()
        if not path.name.startswith("__") and path.parent.name != "versions" and has_behaviour(path)
    }
    assert sorted(wanted - {name_of(path) for path in project_files(ROOT / "tests")}) == []


def test_no_module_has_a_name_that_accepts_everything() -> None:
    paths = [path.relative_to(ROOT) for path in project_files() if path.suffix == ".py"]
    stems = {part.removesuffix(".py") for path in paths for part in path.parts}
    assert [stem for stem in stems if BANNED_NAME.fullmatch(stem.removeprefix("test_"))] == []


def test_the_top_level_holds_what_is_planned_and_nothing_else() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in project_files()}
    assert {entry for entry in found if not entry.startswith(".")} == TOP_LEVEL


def says_who_asks(kind: object) -> bool:
    """Say whether a value of that type carries a principal."""
    if kind is Principal:
        return True
    is_record = is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, Struct))
    hints = typing.get_type_hints(kind) if is_record else {}
    return any(says_who_asks(hint) for hint in hints.values())


def door_methods() -> Iterator[tuple[str, dict[str, object]]]:
    """Return what a door can call, through the object that it holds, with its annotations."""
    for kind in typing.get_type_hints(Gateway).values():
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}", typing.get_type_hints(method)


def test_whatever_a_door_asks_for_says_first_who_asks() -> None:
    """The only other way: a method that finds out who it is."""
    without = [
        name
        for name, hints in door_methods()
        if not says_who_asks(next(iter(hints.values()))) and not says_who_asks(hints["return"])
    ]
    assert len(fields(Gateway)) > 0
    assert without == []


def error_codes() -> set[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.code for kind in kinds if issubclass(kind, GatewayError)}


def test_every_error_has_a_row_in_every_table() -> None:
    assert set(HTTP_STATUS) == set(RPC_CODE) == set(output.EXIT_CODE) == error_codes()


def test_the_tables_say_what_the_drawing_of_the_errors_says() -> None:
    drawn = re.findall(
        r"(\w+) +(\d{3}) +(-\d+|\S+(?: \S+)?) +(\d+)(?: |$)", errors.__doc__ or "", re.M
    )
    assert {code for code, *_ in drawn} == error_codes()
    for code, status, rpc_code, exit_code in drawn:
        assert HTTP_STATUS[code] == int(status), code
        assert output.EXIT_CODE[code] == int(exit_code), code
        assert not rpc_code.startswith("-") or RPC_CODE[code] == int(rpc_code), code


def test_only_the_last_lines_of_defence_keep_an_unknown_error() -> None:
    """Everybody else may tidy up, and raises it again."""
    caught = {
        name_of(path)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and ast.unparse(node.body[-1]) != "raise"
    }
    assert caught <= BROAD_HANDLERS


def test_every_setting_stands_in_the_operations_manual() -> None:
    manual = (ROOT / "docs/operations.md").read_text()
    missing = [s.name for s in SETTINGS if f"`{s.name}`" not in manual or s.variable not in manual]
    assert missing == []


def commands(group: TyperGroup, before: str = "mcpgw") -> Iterator[str]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def test_every_command_stands_in_the_readme_or_the_documents() -> None:
    text = "\n".join(path.read_text() for path in project_files() if path.suffix == ".md")
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert [name for name in commands(group) if name not in text] == []


def test_no_file_holds_a_registry_host_or_a_home_directory() -> None:
    hosts = [
        ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))
    ]
    # What follows a colon is a place inside a container, as in the catalog's mounts.
    home = r"(?<![\w:])/(?:root|home/\w+|Users/\w+)/"
    forbidden = re.compile("|".join([*map(re.escape, hosts), home]))
    found = [
        f"{name_of(path)}:{number}"
        for path in project_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_check_runs_every_check_and_ci_runs_nothing_else() -> None:
    makefile = (ROOT / "Makefile").read_text()
    rules = dict(re.findall(r"^([a-z-]+):(.*(?:\n\t.*)*)", makefile, re.M))
    assert rules["check"].split()[0] == "lint"
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"):
        assert tool in rules["lint"]
    assert {"make test", "make check"} <= set((ROOT / ".ci/run").read_text().splitlines())
    steps = re.findall(r"run: (.*)", (ROOT / ".github/workflows/ci.yml").read_text())
    assert steps == [".ci/run"]


def test_the_version_is_said_once_and_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
