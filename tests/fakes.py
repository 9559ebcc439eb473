"""In-memory ports: the only fakes. They keep the ports' promises, and remember what was asked."""

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from mcpgw.errors import Conflict, NotFound, StorageError, UpstreamError, VaultLocked
from mcpgw.gateway.ports import Ask, Deliver, Fill
from mcpgw.model.act import Act, ActFilter, ActSeen
from mcpgw.model.alert import Alert
from mcpgw.model.audit import AuditEvent, CallEnd, CallFilter, CallStart, Outcome, ServerUse
from mcpgw.model.catalog import CatalogEntry, Package
from mcpgw.model.chain import Anchor, Verification
from mcpgw.model.configuration import Configuration
from mcpgw.model.key import DataKey, KeyKind, KeySlot
from mcpgw.model.ruling import Ruling
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import Server
from mcpgw.model.session import SessionRecord
from mcpgw.model.statistics import Dimension, Part, StatsFilter
from mcpgw.model.token import Token
from mcpgw.model.workspace import Workspace
from mcpgw.protocol.era import Era
from mcpgw.protocol.exchange import Lane, Notification, Outgoing, Question, Reply

T = TypeVar("T")


class FakeClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.ns = 10**12

    def now(self) -> float:
        return self.time

    def monotonic_ns(self) -> int:
        return self.ns

    def monotonic_s(self) -> float:
        return self.ns / 1e9

    def pass_s(self, seconds: float) -> None:
        self.time += seconds
        self.ns += int(seconds * 1e9)


@dataclass(eq=False)
class FakeConnected:
    """A client's connection, as far as it can make room for another."""

    is_idle: bool = True
    is_known: bool = False
    has_given_way: bool = False

    def give_way(self) -> None:
        self.has_given_way = True


class FakeStore:
    """Every store port over one Configuration that is replaced at each change."""

    def __init__(self) -> None:
        self.held = Configuration(1, "install", {}, {}, {}, {}, (), {})
        self.acts: list[Act] = []
        """Every act so far; one that touches several things is committed piece by piece."""
        self.is_broken = False
        self.loads = 0
        self.asked = 0

    def version(self) -> int:
        self.asked += 1
        if self.is_broken:
            raise StorageError("the configuration cannot be read")
        return self.held.version

    async def load(self) -> Configuration:
        if self.is_broken:
            raise StorageError("the configuration cannot be read")
        self.loads += 1
        return self.held

    def change(self, **fields: Any) -> None:
        """Change as another process would, at any moment."""
        self.held = replace(self.held, version=self.held.version + 1, **fields)

    async def commit(self, act: Act, **fields: Any) -> None:
        """Change as a write does: it takes at least a turn of the loop."""
        if act not in self.acts[-1:]:
            self.acts.append(act)
        self.change(**fields)
        await asyncio.sleep(0)


class FakeKeys:
    """KeyStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def add(self, slots: Sequence[KeySlot], datakeys: Sequence[DataKey], act: Act) -> None:
        if slots and self._store.held.slots:
            raise Conflict("there are keys already")
        slots = slots or self._store.held.slots
        keys = {**self._store.held.datakeys, **{key.id: key for key in datakeys}}
        await self._store.commit(act, slots=tuple(slots), datakeys=keys)


class FakeWorkspaces:
    """WorkspaceStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def add(self, workspace: Workspace, datakey: DataKey, act: Act) -> None:
        held = self._store.held
        await self._store.commit(
            act,
            workspaces={**held.workspaces, workspace.slug: workspace},
            datakeys={**held.datakeys, datakey.id: datakey},
        )

    async def set_settings(self, workspace: Workspace, act: Act) -> None:
        held = self._store.held.workspaces
        await self._store.commit(act, workspaces={**held, workspace.slug: workspace})

    async def remove(self, workspace_id: str, act: Act) -> None:
        kept = {s: w for s, w in self._store.held.workspaces.items() if w.id != workspace_id}
        await self._store.commit(act, workspaces=kept)


class FakeServers:
    """ServerStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def add(self, server: Server, act: Act) -> None:
        await self._put(act, server.workspace_id, (*self._of(server.workspace_id), server))

    async def remove(self, server_id: str, act: Act) -> None:
        for workspace_id, servers in self._store.held.servers.items():
            await self._put(act, workspace_id, tuple(s for s in servers if s.id != server_id))

    async def set_enabled(self, server_id: str, is_enabled: bool, act: Act) -> None:
        await self._set(act, server_id, is_enabled=is_enabled)

    async def set_approved(self, server_id: str, is_approved: bool, act: Act) -> None:
        await self._set(act, server_id, is_approved=is_approved)

    async def _set(self, act: Act, server_id: str, **values: Any) -> None:
        for workspace_id, servers in self._store.held.servers.items():
            changed = tuple(replace(s, **values) if s.id == server_id else s for s in servers)
            await self._put(act, workspace_id, changed)

    def _of(self, workspace_id: str) -> tuple[Server, ...]:
        return self._store.held.servers.get(workspace_id, ())

    async def _put(self, act: Act, workspace_id: str, servers: tuple[Server, ...]) -> None:
        await self._store.commit(act, servers={**self._store.held.servers, workspace_id: servers})


class FakeSecrets:
    """SecretStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def put(self, secret: SealedSecret, act: Act) -> None:
        mine = {**self._store.held.secrets.get(secret.server_id, {}), secret.name: secret}
        await self._store.commit(act, secrets={**self._store.held.secrets, secret.server_id: mine})

    async def remove(self, server_id: str, name: str, act: Act) -> None:
        mine = {n: s for n, s in self._store.held.secrets[server_id].items() if n != name}
        await self._store.commit(act, secrets={**self._store.held.secrets, server_id: mine})


class FakeTokens:
    """TokenStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def add(self, token: Token, act: Act) -> None:
        await self._store.commit(act, tokens={**self._store.held.tokens, token.index: token})

    async def replace(self, token: Token, old: Token, act: Act) -> None:
        await self._store.commit(
            act, tokens={**self._store.held.tokens, old.index: old, token.index: token}
        )

    async def revoke(self, token_ids: Sequence[str], revoked_at: float, act: Act) -> None:
        await self._store.commit(
            act,
            tokens={
                index: replace(token, revoked_at=revoked_at, row_mac=b"")
                if token.id in token_ids
                else token
                for index, token in self._store.held.tokens.items()
            },
        )


class FakeRulings:
    """RulingStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def put(self, ruling: Ruling, act: Act) -> None:
        await self._put(act, ruling.server_id, {**self._of(ruling.server_id), ruling.tool: ruling})

    async def remove(self, server_id: str, tool: str, act: Act) -> None:
        if tool not in self._of(server_id):
            raise NotFound("nobody ruled on this tool")
        kept = {name: one for name, one in self._of(server_id).items() if name != tool}
        await self._put(act, server_id, kept)

    def _of(self, server_id: str) -> Mapping[str, Ruling]:
        return self._store.held.rulings.get(server_id, {})

    async def _put(self, act: Act, server_id: str, rulings: Mapping[str, Ruling]) -> None:
        await self._store.commit(act, rulings={**self._store.held.rulings, server_id: rulings})


class FakeActs:
    """ActStore: what every other store recorded; those with a MAC come first."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.sign: Callable[[bytes], bytes] | None = None
        self.unsigned = 0
        self.bad_seq: int | None = None

    def sign_with(self, sign: Callable[[bytes], bytes]) -> None:
        self.sign = sign

    async def record(self, act: Act) -> None:
        self._store.acts.append(act)

    async def sign_rest(self) -> int:
        signed, self.unsigned = self.unsigned, 0
        return signed

    async def find(self, wanted: ActFilter) -> Sequence[ActSeen]:
        found = [
            ActSeen(seq, "root", act)
            for seq, act in enumerate(self._store.acts, 1)
            if act.workspace_id in wanted.workspace_ids
            and wanted.member in ("", act.member)
            and wanted.seq in (None, seq)
            and (wanted.before_seq is None or seq < wanted.before_seq)
            and (wanted.after_seq is None or seq > wanted.after_seq)
        ]
        is_live = wanted.after_seq is not None
        return found[: wanted.newest] if is_live else found[-wanted.newest :]

    async def head(self) -> Anchor | None:
        signed = len(self._store.acts) - self.unsigned
        return Anchor("acts-00", signed, bytes(16)) if signed else None

    async def verify(self, anchors: Sequence[Anchor] = ()) -> Verification:
        problem = "" if self.bad_seq is None else "it is not as it was written"
        return Verification("acts-00", bad_seq=self.bad_seq, problem=problem)


class FakeJournal:
    """Journal: keeps starts and ends, or refuses all of them while `is_broken`."""

    def __init__(self) -> None:
        self.starts: list[CallStart] = []
        self.ends: list[tuple[CallEnd, int | None]] = []
        self.rows: list[AuditEvent] = []
        """The ends as they are read."""
        self.crashed: list[tuple[int, CallStart]] = []
        self.problem: StorageError | None = None
        self.sign: Callable[[bytes], bytes] | None = None
        self.recorded = asyncio.Event()
        self.bad_seq: int | None = None
        """The first row that somebody tampered with."""
        self.tallied = 0
        self.parts: list[Part] = []
        """What there is to sum; their names are members."""
        self.summed: list[tuple[StatsFilter, Dimension]] = []
        self.forgotten_before = 0.0

    @property
    def is_broken(self) -> bool:
        return self.problem is not None

    @is_broken.setter
    def is_broken(self, is_broken: bool) -> None:
        self.problem = StorageError("the journal cannot be written") if is_broken else None

    def sign_with(self, sign: Callable[[bytes], bytes]) -> None:
        self.sign = sign

    def begin(self, start: CallStart) -> asyncio.Future[int]:
        return self._written(lambda: self.starts.append(start))

    def end(self, end: CallEnd, start_seq: int | None = None) -> asyncio.Future[int]:
        def write() -> None:
            self.ends.append((end, start_seq))
            self.rows.append(read(end))
            self.recorded.set()

        return self._written(write)

    def probe(self) -> asyncio.Future[None]:
        return self._written(lambda: None)

    def _written(self, write: Callable[[], None]) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.problem is not None:
            future.set_exception(StorageError(self.problem.message))
        else:
            write()
            future.set_result(len(self.starts) + len(self.ends))
        return future

    async def unfinished(self) -> Sequence[tuple[int, CallStart]]:
        return self.crashed

    async def head(self) -> Anchor | None:
        seq = len(self.starts) + len(self.ends)
        return Anchor("calls-00", seq, bytes(16)) if seq else None

    async def verify(self, anchors: Sequence[Anchor] = ()) -> Verification:
        own = sum(anchor.chain == "calls-00" for anchor in anchors)
        return Verification(
            "calls-00",
            rows=len(self.ends),
            anchors=own,
            bad_seq=self.bad_seq,
            problem="" if self.bad_seq is None else "it is not as it was written",
        )

    async def sums(self, wanted: StatsFilter, by: Dimension) -> Sequence[Part]:
        self.summed.append((wanted, by))
        return [part for part in self.parts if not wanted.member or part.name == wanted.member]

    async def id_of(self, row: int) -> str:
        return f"call of row {row}" if row else ""

    async def tally(self) -> bool:
        is_more = self.tallied < len(self.ends)
        self.tallied = len(self.ends)
        return is_more

    async def forget_tallies(self, before: float) -> None:
        self.forgotten_before = before

    async def prune(self, before: float, now: float) -> int:
        kept = [(end, seq) for end, seq in self.ends if end.start.started_us >= before * 1e6]
        gone, self.ends = len(self.ends) - len(kept), kept
        return gone

    async def find(self, wanted: CallFilter) -> Sequence[tuple[int, AuditEvent]]:
        found = [
            (number, row)
            for number, row in enumerate(self.rows, 1)
            if row.workspace_id == wanted.workspace_id
            and (not wanted.member or row.member == wanted.member)
            and (not wanted.server or row.server == wanted.server)
            and (not wanted.outcomes or row.outcome in wanted.outcomes)
            and (wanted.since is None or row.started_at >= wanted.since)
            and (wanted.before is None or (row.started_at, number) < wanted.before)
            and (wanted.after_rowid is None or number > wanted.after_rowid)
        ]
        if wanted.after_rowid is not None:
            return found[: wanted.newest]
        newest = sorted(found, key=lambda one: (one[1].started_at, one[0]))[-wanted.newest :]
        return sorted(newest, key=lambda one: one[0])

    async def get(self, workspace_id: str, call_id: str) -> AuditEvent | None:
        found = (row for row in self.rows if row.call_id == call_id)
        return next((row for row in found if row.workspace_id == workspace_id), None)

    async def last_used(self, workspace_id: str) -> Mapping[str, float]:
        mine = (row for row in self.rows if row.workspace_id == workspace_id)
        return {row.token_id: row.started_at for row in mine}

    async def servers_used(self, workspace_id: str, member: str) -> Mapping[str, ServerUse]:
        used: dict[str, ServerUse] = {}
        for row in self.rows:
            is_theirs = (row.workspace_id, row.member) == (workspace_id, member)
            if is_theirs and row.server and row.outcome not in (Outcome.DENIED, Outcome.LIMITED):
                before = used.get(row.server, ServerUse(0, 0.0))
                used[row.server] = ServerUse(before.calls + 1, row.started_at)
        return used

    async def latest(self) -> float:
        return max((row.started_at for row in self.rows), default=0.0)


class FakeAlerts:
    """AlertStore."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def add(self, alert: Alert, act: Act) -> None:
        held = self._store.held.alerts
        mine = (*held.get(alert.workspace_id, ()), alert)
        await self._store.commit(act, alerts={**held, alert.workspace_id: mine})

    async def remove(self, alert_id: str, act: Act) -> None:
        held = self._store.held.alerts
        kept = {w: tuple(a for a in mine if a.id != alert_id) for w, mine in held.items()}
        await self._store.commit(act, alerts=kept)


class FakeNotes:
    """AnchorNotes: keeps them, or refuses while `is_broken`."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, float]] = []
        self.is_broken = False

    async def note(self, anchor: str, now: float) -> None:
        if self.is_broken:
            raise UpstreamError("the webhook cannot be reached")
        self.noted.append((anchor, now))


class FakeReserve:
    """Reserve."""

    def __init__(self) -> None:
        self.filled = 0
        self.free_bytes = 1 << 40

    async def fill(self) -> None:
        self.filled += 1

    async def room(self) -> tuple[int, int]:
        return self.free_bytes, 1 << 40


class FakeAlertLog:
    """AlertLog."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, str], float] = {}
        self.is_broken = False

    def sent(self) -> asyncio.Future[Mapping[tuple[str, str], float]]:
        return self._done(dict(self.marks))

    def mark(self, alert_id: str, subject: str, sent_at: float) -> asyncio.Future[None]:
        if not self.is_broken:
            self.marks[alert_id, subject] = sent_at
        return self._done(None)

    def take_back(self, alert_id: str, subject: str) -> asyncio.Future[None]:
        if not self.is_broken:
            self.marks.pop((alert_id, subject), None)
        return self._done(None)

    def _done(self, value: T) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self.is_broken:
            future.set_exception(StorageError("the disk is full"))
        else:
            future.set_result(value)
        return future


class FakePost:
    """Post: keeps what it is given."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Mapping[str, object]]] = []
        self.is_broken = False
        self.is_acknowledged = True

    async def __call__(self, url: str, body: Mapping[str, object]) -> bool:
        if self.is_broken:
            raise UpstreamError("the webhook cannot be reached")
        self.posted.append((url, body))
        return self.is_acknowledged


class FakeTracing:
    """Tracing, and the one span of all calls: remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.meta: dict[str, Raw] = {}
        """What servers are told."""
        self.ended: list[CallEnd] = []

    def begin(self, method: str, name: str, meta: Mapping[str, Raw]) -> "FakeTracing":
        self.told.append(f"{method} {name}")
        return self

    def to_server(self) -> Mapping[str, Raw]:
        self.told.append("to server")
        return self.meta

    def back(self) -> None:
        self.told.append("back")

    def end(self, end: CallEnd) -> None:
        self.ended.append(end)


def read(end: CallEnd) -> AuditEvent:
    """Return a call as it is read, once its end is written."""
    told = msgspec.structs.asdict(end)
    del told["start"], told["result"]
    return AuditEvent(
        **msgspec.structs.asdict(end.start.caller),
        **msgspec.structs.asdict(end.start.target),
        call_id=end.start.call_id,
        started_at=end.start.started_us / 1e6,
        request_bytes=end.start.request_bytes,
        arguments_fingerprint=end.start.arguments.hex(),
        result_fingerprint=end.result.hex(),
        **told,
    )


class FakeSessions:
    """SessionStore: keeps records, or refuses everything while `is_broken`."""

    def __init__(self) -> None:
        self.records: dict[str, SessionRecord] = {}
        self.is_broken = False
        self.looked_up = 0

    def get(self, session_id: str) -> SessionRecord | None:
        self.looked_up += 1
        if self.is_broken:
            raise StorageError("the sessions cannot be read")
        return self.records.get(session_id)

    def put(self, record: SessionRecord, oldest: float) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_broken:
            future.set_exception(StorageError("the sessions cannot be written"))
            return future
        self.records[record.id] = record
        self.records = {k: r for k, r in self.records.items() if r.started_at >= oldest}
        future.set_result(None)
        return future


class FakeVault:
    """Vault that seals by writing the context beside the value: wrong context, no value."""

    def __init__(self) -> None:
        self.is_open = False
        self.whereabouts = "in a test"
        self.advice = "leave it there"
        self.opened: list[str] = []

    def establish(self, install_id: str, now: float) -> tuple[KeySlot, Sequence[DataKey]]:
        self.is_open = True
        slot = KeySlot("slot", "file", "nowhere", "id", b"wrapped", now)
        kinds = (KeyKind.TOKEN, KeyKind.FINGERPRINT, KeyKind.AUDIT, KeyKind.STATE)
        return slot, [self.new_datakey(kind, "", 1, now) for kind in kinds]

    def unlock(self, install_id: str, slots: Sequence[KeySlot]) -> None:
        if not slots:
            raise VaultLocked("no slot")
        self.is_open = True

    def new_datakey(self, kind: KeyKind, workspace_id: str, version: int, now: float) -> DataKey:
        return DataKey(f"{kind}-{workspace_id}-{version}", kind, workspace_id, version, b"w", now)

    def seal(self, key: DataKey, context: Sequence[str], plain: bytes) -> bytes:
        return msgspec.json.encode([key.id, list(context), plain.hex()])

    def open(self, key: DataKey, context: Sequence[str], blob: bytes) -> bytes:
        try:
            key_id, sealed_context, plain = msgspec.json.decode(blob)
        except msgspec.DecodeError:
            raise VaultLocked("not a blob") from None
        if key_id != key.id or sealed_context != list(context):
            raise VaultLocked("sealed with something else")
        self.opened.append(context[0])
        return bytes.fromhex(plain)

    def digest(self, key: DataKey, purpose: str, parts: Sequence[bytes]) -> bytes:
        text = repr((key.id, purpose, list(parts))).encode()
        return hmac.digest(b"test", text, hashlib.sha256)

    def signer(self, key: DataKey, purpose: str) -> Callable[[bytes], bytes]:
        return lambda message: self.digest(key, purpose, (message,))


Answer = Callable[[Outgoing], object]
"""Returns the result (encoded as JSON) or a whole `Reply`, or raises."""

Exchange = Callable[[Outgoing, Deliver | None, Ask | None], Awaitable[Reply]]
"""What a server does while it answers: tells, asks, waits."""


@dataclass(eq=False)
class FakeUpstream:
    """One live connection that answers from a table of methods."""

    answers: dict[str, Answer]
    acts: dict[str, Exchange] = field(default_factory=dict)
    """Carried out in place of the answer, by method."""
    era: Era = Era.LEGACY
    version: str = "2025-11-25"
    capabilities: Mapping[str, Raw] = field(
        default_factory=lambda: {
            "tools": Raw(b"{}"),
            "prompts": Raw(b"{}"),
            "resources": Raw(b"{}"),
            "completions": Raw(b"{}"),
        }
    )
    instructions: str = ""
    server_info: Mapping[str, Raw] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    """Asked in turn during each `tools/call`."""
    answered: list[Reply | None] = field(default_factory=list)
    """What came back; None where there was no `ask`."""
    sent: list[Outgoing] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Holds calls until it is set; `entered` tells that one is held."""
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    was_cancelled: bool = False
    """Whether a call was taken back before its answer."""

    def next_id(self) -> int:
        return len(self.sent) + 1

    async def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Reply:
        self.sent.append(message)
        for notification in self.notifications:
            if deliver is not None:
                await deliver(notification)
        try:
            return await self._reply(message, deliver, ask)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise

    async def _reply(self, message: Outgoing, deliver: Deliver | None, ask: Ask | None) -> Reply:
        act = self.acts.get(message.method)
        if act is not None:
            return await act(message, deliver, ask)
        if message.method == "tools/call":
            if self.gate is not None:
                self.entered.set()
                await self.gate.wait()
            for question in self.questions:
                self.answered.append(None if ask is None else await ask(question))
        answer = self.answers.get(message.method)
        if answer is None:
            return Reply(None, Raw(b'{"code":-32601,"message":"Method not found"}'))
        found = answer(message)
        return found if isinstance(found, Reply) else Reply(Raw(msgspec.json.encode(found)), None)


class FakeUpstreams:
    """Upstreams: connections by server name; a name without one cannot be reached.

    A connection of its own for the era of a lane stands in `by_era`, by name and era.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, FakeUpstream] = {}
        self.by_era: dict[tuple[str, Era], FakeUpstream] = {}
        self.lanes: list[tuple[str, Lane | None]] = []
        self.watched: dict[str, frozenset[str]] = {}
        """The resources watched, by server id, until `unwatch`."""
        self.eras: dict[str, frozenset[Era]] = {}
        """Whose clients want to know of a server, by its id."""
        self.watches: list[tuple[str, frozenset[str]]] = []
        """Every time that a server was asked to be watched: its name, and the resources."""
        self.unwatched: list[str] = []
        self.ended_clients: list[str] = []
        """The tokens whose own connections were ended, by id."""
        self.filled: list[tuple[str, list[tuple[str, str]]]] = []
        self.kept: Mapping[str, str] = {}
        self.listeners: list[Callable[[str, Notification], None]] = []
        self.begun: Counter[str] = Counter()
        """How many connections were begun, by server id: as a test says."""
        self.hanging: set[str] = set()
        """Servers that neither answer nor refuse, by name."""
        self.silent: set[str] = set()
        """Resources whose server does not tell of their changes."""
        self.agreement: asyncio.Event | None = None
        """Holds every server's agreement to be watched until it is set."""

    async def connect(
        self, server: Server, fingerprint: str, fill: Fill, lane: Lane | None = None
    ) -> FakeUpstream:
        self.lanes.append((server.name, lane))
        if server.name in self.hanging:
            await asyncio.Event().wait()
        self.filled.append((server.name, list(fill())))
        upstream = self.by_name.get(server.name)
        if lane is not None:
            upstream = self.by_era.get((server.name, lane.era), upstream)
        if upstream is None:
            raise UpstreamError(f"the server {server.name} refused the connection")
        return upstream

    def starts(self, server_id: str) -> int:
        return self.begun[server_id]

    def on_change(self, listener: Callable[[str, Notification], None]) -> None:
        self.listeners.append(listener)

    def tell(self, server_id: str, method: str, params: bytes = b"{}") -> None:
        """Tell the listeners of a change, as a server does."""
        for listener in self.listeners:
            listener(server_id, Notification(method, Raw(params)))

    async def watch(
        self,
        server: Server,
        fingerprint: str,
        fill: Fill,
        uris: frozenset[str],
        eras: frozenset[Era],
    ) -> frozenset[str]:
        self.watched[server.id] = uris
        self.watches.append((server.name, uris))
        self.eras[server.id] = eras
        if self.agreement is not None:
            await self.agreement.wait()
        if server.name in self.hanging:
            await asyncio.Event().wait()
        if server.name not in self.by_name:
            raise UpstreamError(f"the server {server.name} refused the connection")
        return uris - self.silent

    def unwatch(self, server_id: str) -> None:
        self.watched.pop(server_id, None)
        self.unwatched.append(server_id)

    def end_client(self, token_id: str) -> None:
        self.ended_clients.append(token_id)

    async def keep_only(self, fingerprints: Mapping[str, str]) -> None:
        self.kept = fingerprints

    async def close(self) -> None:
        self.by_name.clear()


class FakeCatalog:
    """Entries by name."""

    def __init__(self) -> None:
        self.entries: dict[str, CatalogEntry] = {}

    async def find(self, words: Sequence[str]) -> Sequence[CatalogEntry]:
        return list(self.entries.values())

    async def get(self, slug: str) -> CatalogEntry:
        if slug not in self.entries:
            raise NotFound(f"the catalog has no {slug}")
        return self.entries[slug]


class FakePackageManagers:
    """Knows versions by package, newest last; remembers what it was asked."""

    def __init__(self) -> None:
        self.programs: set[str] = set()
        self.versions: dict[str, list[str]] = {}
        self.asked: list[str] = []

    def has(self, program: str) -> bool:
        return program in self.programs

    async def pin(self, package: Package, version: str) -> str:
        self.asked.append(package.identifier)
        versions = self.versions.get(package.identifier, [])
        if not versions or version not in ("", *versions):
            raise NotFound(f"there is no {package.identifier} {version}")
        return version or versions[-1]


class FakeBackground:
    """Spawn: remembers tasks so that a test can wait for them."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait until nothing runs any more."""
        while self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def listing(**tools: str) -> dict[str, Answer]:
    """Return the answers of a server with these tools (name to text), a prompt and a resource."""
    items = [
        {"name": name, "description": text, "inputSchema": {"type": "object"}}
        for name, text in tools.items()
    ]
    return {
        "tools/list": lambda _: {"tools": items},
        "prompts/list": lambda _: {"prompts": [{"name": "greet"}]},
        "resources/list": lambda _: {"resources": [{"uri": "memo://one", "name": "one"}]},
        "resources/templates/list": lambda _: {
            "resourceTemplates": [{"uriTemplate": "memo://{id}/text", "name": "text"}]
        },
        "tools/call": lambda message: {
            "content": [{"type": "text", "text": message.params.decode()}]
        },
        "prompts/get": lambda message: {"messages": [], "description": message.params.decode()},
        "resources/read": lambda message: {"contents": [], "seen": message.params.decode()},
        "completion/complete": lambda message: {
            "completion": {"values": [message.params.decode()]}
        },
    }
