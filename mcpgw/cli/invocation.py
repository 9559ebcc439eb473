"""One run of the command line: the options that every command has, and how commands are registered.

A command is a function, plain or async, that takes an `Invocation` and its own arguments. Opens no
store and imports nothing heavy, so that help is quick.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mcpgw.config import Config, load_config

Command = Callable[..., Any]


@dataclass(slots=True)
class Invocation:
    """What was given before or after the command's name; None was not given."""

    home: str | None = None
    workspace: str | None = None
    is_json: bool = False
    is_debug: bool = False
    is_plain: bool = False

    def take(self, given: Mapping[str, Any]) -> None:
        """Take over what is given; what is not stays."""
        for name, value in given.items():
            if value:
                setattr(self, name, value)

    def config(self, **flags: Any) -> Config:
        """Read the settings; `flags` are those of the command.

        Raises:
            InvalidInput: a setting holds a value that does not fit.
        """
        return load_config({"home": self.home, "workspace": self.workspace, **flags})


_ANYWHERE: dict[str, Any] = {
    "home": Annotated[
        str | None, typer.Option("--home", metavar="DIR", help="Data directory to work on.")
    ],
    "is_debug": Annotated[bool, typer.Option("--debug", help="Show where an error came from.")],
    "is_plain": Annotated[bool, typer.Option("--no-color", help="Use no colors.")],
}
_OF_DATA: dict[str, Any] = {
    "is_json": Annotated[bool, typer.Option("--json", help="Print JSON for programs.")],
}
_IN_WORKSPACE: dict[str, Any] = {
    "workspace": Annotated[
        str | None,
        typer.Option("-w", "--workspace", metavar="NAME", help="Workspace to act in."),
    ],
}
EVERY_OPTION = _IN_WORKSPACE | _OF_DATA | _ANYWHERE


class NounGroup(TyperGroup):
    """A group of commands; asked for nothing, it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help when no argument follows."""
        if not args:
            print(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


def group(summary: str) -> typer.Typer:
    """Return a group of commands."""
    return typer.Typer(
        cls=NounGroup,
        help=summary,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def command(
    registry: typer.Typer,
    name: str,
    *,
    examples: Sequence[str] = (),
    in_workspace: bool = True,
    prints_data: bool = True,
    hidden: bool = False,
) -> Callable[[Command], Command]:
    """Register a function as a command.

    Args:
        registry: the group it belongs to.
        name: how it is called.
        examples: command lines for its help, without the program's name.
        in_workspace: whether it acts in one workspace, and so takes `-w`.
        prints_data: whether it prints data, and so takes `--json`.
        hidden: whether the group's help is silent about it.
    """
    options = (
        (_IN_WORKSPACE if in_workspace else {}) | (_OF_DATA if prints_data else {}) | _ANYWHERE
    )

    def register(function: Command) -> Command:
        run = with_options(function, options)
        registry.command(name, help=_help(function, examples), hidden=hidden)(run)
        return function

    return register


def own_command(registry: typer.Typer, *, examples: Sequence[str]) -> Callable[[Command], Command]:
    """Register a function as what a group does when no command of its own is named."""

    def register(function: Command) -> Command:
        run = with_options(function, EVERY_OPTION)
        summary = _help(function, examples)
        registry.callback(invoke_without_command=True, help=summary, cls=TyperGroup)(run)
        return function

    return register


def with_options(function: Command, options: Mapping[str, Any]) -> Command:
    """Return a function for typer, which has `options` too and hands them on as an Invocation."""

    @functools.wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        asked: Invocation = context.obj
        asked.take({option: given.pop(option) for option in options})
        if context.invoked_subcommand is not None:
            return
        outcome = function(asked, **given)
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)

    own = list(inspect.signature(function).parameters.values())[1:]
    parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in own]
    parameters += option_parameters(options)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def option_parameters(options: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of a function that takes these options."""
    return [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=False if name.startswith("is_") else None,
            annotation=annotation,
        )
        for name, annotation in options.items()
    ]


def _help(function: Command, examples: Sequence[str]) -> str:
    """Return the help text; the mark keeps the lines of the examples apart."""
    text = inspect.getdoc(function) or ""
    if not examples:
        return text
    summary, _, more = text.partition("\n\n")
    shown = "\n".join(f"  mcpgw {example}" for example in examples)
    return "\n\n".join(part for part in (summary, f"\b\nExamples:\n{shown}", more) if part)
