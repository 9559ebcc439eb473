"""From an entry of the catalog, and the values that a person gave, to a launch.

A secret's value is not among them: the launch gets the reference by which the vault fills it in. It
never stands in arguments or URLs; ways that want it there have an obstacle.
"""

from collections.abc import Iterator, Mapping, Sequence

from mcpgw.errors import InvalidInput
from mcpgw.model.catalog import (
    PLACEHOLDER,
    CatalogEntry,
    Field,
    Package,
    ReadOnly,
    Remote,
    Way,
    fields_of,
    flat,
)
from mcpgw.model.server import HttpLaunch, Launch, StdioLaunch, check_launch


def launch(
    entry: CatalogEntry,
    way: Way,
    answers: Mapping[str, str],
    secrets: Sequence[str],
    version: str = "",
    *,
    is_read_only: bool = False,
) -> Launch:
    """Return how the server is started or reached.

    Args:
        entry: what is added.
        way: one of its ways.
        answers: the values of fields that are no secrets.
        secrets: the names of the secrets that will be set; others are left out.
        version: what pins a package.
        is_read_only: whether the server's own switch for that is set.

    Raises:
        InvalidInput: a value is missing or unusable, or the server has no such switch.
    """
    known = fields_of(entry, way)
    _check_answers(known, answers)
    values = {name: one.default for name, one in known.items() if one.default}
    values |= {name: value for name, value in answers.items() if value}
    values |= {name: f"${{secret:{name}}}" for name in secrets if name in known}
    lacking = [name for name, one in known.items() if one.is_required and name not in values]
    if lacking:
        raise InvalidInput(
            f"{entry.slug} needs {', '.join(lacking)}",
            "; ".join(_how_to_give(name, known[name]) for name in lacking),
        )
    if is_read_only and way.read_only is None:
        raise InvalidInput(
            f"{entry.slug} has no read-only switch that the catalog knows",
            "give a credential that can only read, and issue tokens with --role readonly",
        )
    switch = (way.read_only if is_read_only else None) or ReadOnly()
    if isinstance(way, Remote):
        url = _filled(switch.url or way.url, values) or ""
        return check_launch(HttpLaunch(url, _pairs(way.headers, switch.headers, values)))
    arguments = [*_arguments(way.arguments, values), *switch.arguments]
    env = _pairs(way.env, switch.env, values)
    return check_launch(StdioLaunch(_command(way, version, env, arguments, values), env))


def _check_answers(known: Mapping[str, Field], answers: Mapping[str, str]) -> None:
    for name, value in answers.items():
        if name not in known:
            names = ", ".join(n for n, one in known.items() if not one.is_secret) or "nothing"
            raise InvalidInput(f"there is nothing called {name[:80]!r} to set", f"it takes {names}")
        if known[name].is_secret:
            raise InvalidInput(
                f"{name} is a secret, and no setting",
                f"leave it to the question, or use --from-env {name}",
            )
        if not value.isprintable() or "${secret:" in value:
            raise InvalidInput(f"{name} has a control character or a reference in its value")


def _how_to_give(name: str, one: Field) -> str:
    if one.is_secret:
        return f"--from-env {name}"
    return f"--set {name}=VALUE" + (f" ({one.description})" if one.description else "")


def _command(
    package: Package,
    version: str,
    env: Sequence[tuple[str, str]],
    arguments: Sequence[str],
    values: Mapping[str, str],
) -> tuple[str, ...]:
    name = package.identifier
    if package.registry == "npm":
        return ("npx", "-y", f"{name}@{version}" if version else name, *arguments)
    if package.registry == "pypi":
        return ("uvx", f"{name}@{version}" if version else name, *arguments)
    if package.registry == "git":
        return ("uvx", "--from", f"{name}@{version}" if version else name, *arguments)
    if package.registry == "nuget":
        return ("dnx", f"{name}@{version}" if version else name, "--yes", *arguments)
    if package.registry == "oci":
        # Names only: docker takes the values from its own environment, where nobody reads them.
        passed = [part for variable, _ in env for part in ("-e", variable)]
        mounts = [part for one in _arguments(package.mounts, values) for part in ("-v", one)]
        image = f"{name}@{version}" if version else name
        return ("docker", "run", "-i", "--rm", *passed, *mounts, image, *arguments)
    return (name, *arguments)


def _arguments(groups: Sequence[str | tuple[str, ...]], values: Mapping[str, str]) -> Iterator[str]:
    """Yield the arguments of all groups whose fields have values."""
    for group in groups:
        parts = [_filled(part, values) for part in flat((group,))]
        if None not in parts:
            yield from (part for part in parts if part is not None)


def _pairs(
    templates: Mapping[str, str], switch: Mapping[str, str], values: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    filled = {name: _filled(text, values) for name, text in templates.items()} | dict(switch)
    return tuple((name, value) for name, value in filled.items() if value is not None)


def _filled(template: str, values: Mapping[str, str]) -> str | None:
    """Return the template with its values, None when one is missing."""
    if any(name not in values for name in PLACEHOLDER.findall(template)):
        return None
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)
