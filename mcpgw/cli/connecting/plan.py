"""A change of a client's file: planned first, shown, then carried out as a whole.

Order: the copy of the file, what we remember, then the file itself. Whatever fails leaves the file
as it was, and nothing that we wrote is ever forgotten.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mcpgw.cli.connecting.config_file import (
    ConfigFile,
    back_up,
    check_writable,
    delete_config,
    read_config,
    write_config,
)
from mcpgw.cli.connecting.connections import Connection, Connections, digest
from mcpgw.cli.place import now
from mcpgw.client_configs.app import App
from mcpgw.client_configs.edit import Format, Trace, add, remove, take_out, trace
from mcpgw.client_configs.entry import changes_for
from mcpgw.client_configs.path import Path as Place
from mcpgw.client_configs.path import at
from mcpgw.client_configs.scope import Scope
from mcpgw.client_configs.shape import Target
from mcpgw.client_configs.splice import cut
from mcpgw.errors import Conflict, InvalidInput

BACKUPS = "backups"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file will be.

    `steps` are its texts from the present one to the one to write. `after` is what will be
    remembered, None to forget; `before` is what was remembered. `is_deleted`: the file goes.
    """

    app: App
    file: ConfigFile
    steps: tuple[str, ...]
    before: Connection | None
    after: Connection | None
    is_secret: bool = False
    is_deleted: bool = False

    @property
    def is_change(self) -> bool:
        """Whether the file will differ."""
        return self.is_deleted or self.steps[0] != self.steps[-1]


def plan_connect(
    app: App,
    scope: Scope,
    file: ConfigFile,
    target: Target,
    known: Connections,
    gone: Sequence[Place] = (),
) -> Plan:
    """Return how a client's file gets our entry.

    Args:
        app: the client.
        scope: whose configuration the file is.
        file: its file as it was read.
        target: what to write.
        known: what was written before; an entry of ours is replaced.
        gone: entries to take out in the same go.

    Raises:
        InvalidInput: the file is broken or not the client's.
        Conflict: an entry of that name is there, and it is not ours.
        StorageError: the file is read-only.
    """
    form, path = form_of(app), file.path
    check_writable(file)
    before = known.find(str(path), target.entry)
    with about(path):
        text = file.text
        bare = text if before is None else _without(form, text, before)
        base = bare if bare.strip() else bare + app.preamble
        document = form.read(base)
        changes = changes_for(app, target, document)
        if trace(document, changes[-1]).position(document) is not None:
            raise _taken(path, target.entry)
        edited = add(form, base, changes)
        steps = [text, bare, base, edited.text]
        steps += _taken_out(form, edited.text, gone)
    after = Connection(
        client=app.key,
        scope=scope,
        path=str(path),
        entry=target.entry,
        url=target.url,
        digest=digest(steps[-1]),
        is_new=file.content is None if before is None else before.is_new,
        # What was taken out is nowhere but in the copy of the file: it may hold credentials.
        cuts=() if gone else (*edited.cuts, ((len(bare), len(base) - len(bare)),)),
        traces=edited.traces,
    )
    return Plan(app, file, tuple(steps), before, after, is_secret=target.is_inline)


def plan_disconnect(app: App, connection: Connection) -> Plan:
    """Return how a file loses what we added, and nothing else.

    Raises:
        InvalidInput: the file is broken by now.
        Conflict: somebody made something else of our entry.
        StorageError: the file cannot be read or is read-only.
    """
    path = Path(connection.path)
    file = read_config(path, path_inside(connection.scope))
    check_writable(file)
    with about(path):
        text = file.text
        after = _without(form_of(app), text, connection)
    is_ours_alone = connection.is_new and file.content is not None and not after.strip()
    return Plan(app, file, (text, after), connection, None, is_deleted=is_ours_alone)


def plan_take_out(app: App, file: ConfigFile, gone: Sequence[Place]) -> Plan:
    """Return how a file loses entries that others wrote. Raises as `plan_connect`."""
    check_writable(file)
    with about(file.path):
        text = file.text
        steps = (text, *_taken_out(form_of(app), text, gone))
    return Plan(app, file, steps, None, None)


def carry_out(plan: Plan, known: Connections, directory: Path) -> Path | None:
    """Write what was planned; return the copy of the file as it was, None when there was none.

    Raises:
        StorageError: something cannot be written.
        Conflict: the file was changed since it was read.
    """
    copy = back_up(plan.file, directory / BACKUPS, _stamp(plan.app))
    if plan.after is not None:
        # Before the file: of what we did not write after all, there is nothing to take out.
        known.remember(plan.after)
    try:
        if plan.is_deleted:
            delete_config(plan.file)
        elif plan.is_change:
            write_config(plan.file, plan.steps[-1], is_secret=plan.is_secret)
    except BaseException:
        _restore(plan, known)
        raise
    if plan.after is None and plan.before is not None:
        known.forget(plan.before)
    return copy


def _taken_out(form: Format, text: str, gone: Sequence[Place]) -> list[str]:
    """Return the text after each of `gone` was taken out, the last one in the text first."""
    steps = []
    for position in reversed(gone):
        text = take_out(form, text, position)
        steps.append(text)
    return steps


def _taken(path: Path, entry: str) -> Conflict:
    return Conflict(
        f"{path} has an entry {entry!r} that mcpgw connect did not write",
        "take it out by hand, or choose another name: --name NAME",
    )


def form_of(app: App) -> Format:
    """Return how the client's file is written.

    Raises:
        InvalidInput: it has none.
    """
    if app.form is None:
        raise InvalidInput(
            f"{app.title} keeps its servers in a database of its own",
            f"see what to enter there: mcpgw connect {app.key} --print",
        )
    return app.form


def path_inside(scope: Scope) -> Path | None:
    """Return the directory that a file of that scope may not lead out of."""
    return Path.cwd() if scope is Scope.PROJECT else None


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except InvalidInput as error:
        if str(path) in error.message:
            raise
        raise InvalidInput(f"{path}: {error.message}", error.hint) from None


def _without(form: Format, text: str, connection: Connection) -> str:
    """Return a text without what a connection added to it."""
    if connection.cuts and digest(text) == connection.digest:
        for cuts in connection.cuts:
            text = cut(text, cuts)
        return text
    _check_ours(form.read(text), connection)
    return remove(form, text, connection.traces)


def _check_ours(document: object, connection: Connection) -> None:
    """Refuse to take out an entry that leads elsewhere by now."""
    entry: Trace = connection.traces[-1]
    position = entry.position(document)
    if position is not None and connection.url not in _strings(at(document, position)):
        raise Conflict(
            f"the entry {connection.entry!r} in {connection.path} leads elsewhere by now:"
            " somebody changed it",
            "take it out by hand",
        )


def _strings(value: object) -> set[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {found for one in value for found in _strings(one)}
    return {value} if isinstance(value, str) else set()


def _restore(plan: Plan, known: Connections) -> None:
    if plan.before is not None:
        known.remember(plan.before)
    elif plan.after is not None:
        known.forget(plan.after)


def _stamp(app: App) -> str:
    """Return what the name of a copy begins with: when, and of which client."""
    moment = datetime.fromtimestamp(now(), UTC)
    return f"{moment:%Y%m%dT%H%M%S.%fZ}-{app.key}"
