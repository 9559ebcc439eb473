"""Everything the gateway needs from outside, on one page.

Adapters do not import this file: they match by shape, and mypy checks the match in `bootstrap.py`,
the one place where they meet. Ports that write take and return frozen model objects.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Raw

from mcpgw.errors import StorageError
from mcpgw.model.act import Act, ActFilter, ActSeen
from mcpgw.model.alert import Alert
from mcpgw.model.audit import AuditEvent, CallEnd, CallFilter, CallStart, ServerUse
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

Deliver = Callable[[Notification], Awaitable[None]]
"""Takes a notification that belongs to a running call; awaiting it is the back-pressure."""

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts background work that ends with the gateway."""

Send = Callable[[bytes], Awaitable[None]]
"""Writes one whole JSON-RPC message to a client ahead of the answer to its request; awaiting it is
the back-pressure. What the client left behind is dropped. No message at all (`b""`) sends the
client away for now, if it is one that can come back for the rest."""

Ask = Callable[[Question], Awaitable[Reply]]
"""Puts a server's question to the client of a running call, and returns the client's answer: its
result or its error. Raises nothing but cancellation."""

Fill = Callable[[], Sequence[tuple[str, str]]]
"""Opens the secrets of a launch: header or environment pairs, values in the clear. Call it late,
use the values at once, keep no reference."""


Post = Callable[[str, Mapping[str, object]], Awaitable[bool]]
"""Posts JSON to a URL, and says whether that was acknowledged: without an answer it may have been
taken all the same. Raises UpstreamError, without the URL, when it certainly was not."""


class Clock(Protocol):
    """Time, owned by tests."""

    def now(self) -> float:
        """Return UTC seconds since 1970."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never run backwards."""


class ConfigurationStore(Protocol):
    """The configuration database as a whole."""

    def version(self) -> int:
        """Return a number that changes with every commit of anybody else. Takes microseconds.

        Raises StorageError.
        """

    async def load(self) -> Configuration:
        """Read everything in one transaction. Raises StorageError."""


class ActStore(Protocol):
    """Administrative acts. Every other store of the configuration takes one with each change."""

    def sign_with(self, sign: Callable[[bytes], bytes]) -> None:
        """Sign acts with this from now on; before that they are recorded without a MAC."""

    async def record(self, act: Act) -> None:
        """Record an act that changes nothing in the configuration. Raises StorageError."""

    async def sign_rest(self) -> int:
        """Sign what was recorded without the key; returns how many. Raises StorageError."""

    async def find(self, wanted: ActFilter) -> Sequence[ActSeen]:
        """Return matching acts, oldest first. Raises StorageError."""

    async def head(self) -> Anchor | None:
        """Return number and MAC of the last signed act, None without. Raises StorageError."""

    async def verify(self, anchors: Sequence[Anchor] = ()) -> Verification:
        """Look at every act, and hold anchors of this chain against them. Raises StorageError."""


class KeyStore(Protocol):
    """Wrapped keys."""

    async def add(self, slots: Sequence[KeySlot], datakeys: Sequence[DataKey], act: Act) -> None:
        """Add keys in one transaction. Raises Conflict when slots, or those keys, are there."""


class WorkspaceStore(Protocol):
    """Workspaces."""

    async def add(self, workspace: Workspace, datakey: DataKey, act: Act) -> None:
        """Add a workspace with its data key. Raises Conflict when the slug is taken."""

    async def set_settings(self, workspace: Workspace, act: Act) -> None:
        """Store the settings of a workspace. Raises NotFound."""

    async def remove(self, workspace_id: str, act: Act) -> None:
        """Remove a workspace, its servers, secrets, tokens and data keys. Raises NotFound."""


class ServerStore(Protocol):
    """Servers."""

    async def add(self, server: Server, act: Act) -> None:
        """Add a server. Raises Conflict when its name is taken in the workspace."""

    async def remove(self, server_id: str, act: Act) -> None:
        """Remove a server and its secrets. Raises NotFound."""

    async def set_enabled(self, server_id: str, is_enabled: bool, act: Act) -> None:
        """Switch a server on or off. Raises NotFound."""

    async def set_approved(self, server_id: str, is_approved: bool, act: Act) -> None:
        """Let admins switch a child process on and off, or not any more. Raises NotFound."""


class SecretStore(Protocol):
    """Sealed secrets."""

    async def put(self, secret: SealedSecret, act: Act) -> None:
        """Store a version; older versions of the same name are deleted in the same transaction.

        Raises Conflict when that version is there already (somebody else set it just now).
        """

    async def remove(self, server_id: str, name: str, act: Act) -> None:
        """Remove all versions. Raises NotFound."""


class TokenStore(Protocol):
    """Token records."""

    async def add(self, token: Token, act: Act) -> None:
        """Add a record."""

    async def replace(self, token: Token, old: Token, act: Act) -> None:
        """Add a record and write the one that it takes the place of, in one transaction.

        Raises Conflict when that one was revoked meanwhile.
        """

    async def revoke(self, token_ids: Sequence[str], revoked_at: float, act: Act) -> None:
        """Mark as revoked and clear the rows' MACs, so that unmarking them revives none.

        All or none, in one transaction. Needs no key. Raises NotFound.
        """


class RulingStore(Protocol):
    """Admins' rulings on tools."""

    async def put(self, ruling: Ruling, act: Act) -> None:
        """Store a ruling in place of an earlier one. Raises NotFound when the server is gone."""

    async def remove(self, server_id: str, tool: str, act: Act) -> None:
        """Remove the ruling on a tool. Raises NotFound."""


class AlertStore(Protocol):
    """Alerts."""

    async def add(self, alert: Alert, act: Act) -> None:
        """Add an alert. Raises NotFound when the workspace is gone."""

    async def remove(self, alert_id: str, act: Act) -> None:
        """Remove an alert. Raises NotFound."""


class AlertLog(Protocol):
    """When which alert was sent. Its futures raise StorageError."""

    def sent(self) -> asyncio.Future[Mapping[tuple[str, str], float]]:
        """Return when alerts were sent last, by their id and what they were about."""

    def mark(self, alert_id: str, subject: str, sent_at: float) -> asyncio.Future[None]:
        """Note that an alert is sent now."""

    def take_back(self, alert_id: str, subject: str) -> asyncio.Future[None]:
        """Note that an alert was not sent after all."""


class Journal(Protocol):
    """The journal of calls. Its futures raise StorageError when nothing was written."""

    @property
    def problem(self) -> StorageError | None:
        """Why nothing can be recorded at present, None when it can."""

    def sign_with(self, sign: Callable[[bytes], bytes]) -> None:
        """Sign rows with this from now on; before that none is taken."""

    def begin(self, start: CallStart) -> asyncio.Future[int]:
        """Queue the row of a call that goes to its server; the future ends likewise."""

    def end(self, end: CallEnd, start_seq: int | None = None) -> asyncio.Future[int]:
        """Queue the row of a call's end; the future ends with its number, committed.

        It goes with the start that this process wrote, or with the one of that number.
        """

    def probe(self) -> asyncio.Future[None]:
        """Write something that means nothing, to find out whether that works."""

    async def unfinished(self) -> Sequence[tuple[int, CallStart]]:
        """Return the calls whose process died, with the numbers of their starts."""

    async def head(self) -> Anchor | None:
        """Return number and MAC of the last row, None while there is none. Raises StorageError."""

    async def verify(self, anchors: Sequence[Anchor] = ()) -> Verification:
        """Look at every row, and hold anchors of this chain against them. Raises StorageError."""

    async def sums(self, wanted: StatsFilter, by: Dimension) -> Sequence[Part]:
        """Return sums of the matching calls by name, hour and outcome. Raises StorageError."""

    async def id_of(self, row: int) -> str:
        """Return the id of the call with that row, empty when it is gone. Raises StorageError."""

    async def tally(self) -> bool:
        """Add up some of the calls that are in no tally yet; say whether there were any.

        Raises StorageError.
        """

    async def forget_tallies(self, before: float) -> None:
        """Remove the tallies of before that moment. Raises StorageError."""

    async def prune(self, before: float, now: float) -> int:
        """Take away calls of before that moment, under a checkpoint; return how many rows went.

        Raises StorageError.
        """

    async def find(self, wanted: CallFilter) -> Sequence[tuple[int, AuditEvent]]:
        """Return matching ends with their row ids, oldest first. Raises StorageError."""

    async def get(self, workspace_id: str, call_id: str) -> AuditEvent | None:
        """Return one call, None when the workspace has none of that id. Raises StorageError."""

    async def last_used(self, workspace_id: str) -> Mapping[str, float]:
        """Return the last call's time by token id."""

    async def servers_used(self, workspace_id: str, member: str) -> Mapping[str, ServerUse]:
        """Return what a member did with each server, by the server's name at that time."""

    async def latest(self) -> float:
        """Return the newest time recorded, 0.0 when empty: a clock set back is noticed by it."""


class AnchorNotes(Protocol):
    """Where anchors of the journal are kept, out of reach of who edits the database."""

    async def note(self, anchor: str, now: float) -> None:
        """Keep one. Raises UpstreamError, StorageError when a place does not take it."""


class Reserve(Protocol):
    """Room on the disk by which revoking works when it is full."""

    async def fill(self) -> None:
        """Take the room again that a full disk was given. Raises StorageError."""

    async def room(self) -> tuple[int, int]:
        """Return how many bytes of the disk are free, and how many it has. Raises StorageError."""


class Span(Protocol):
    """One call as a trace tells of it."""

    def to_server(self) -> Mapping[str, Raw]:
        """Note that the server is asked now; return what its `_meta` says of the trace instead."""

    def back(self) -> None:
        """Note that the server is done."""

    def end(self, end: CallEnd) -> None:
        """Note how the call ended, once that is written."""


class Tracing(Protocol):
    """Tells of calls as traces."""

    def begin(self, method: str, name: str, meta: Mapping[str, Raw]) -> Span:
        """Begin a call, in the trace that the client's `_meta` names."""


class SessionStore(Protocol):
    """What must outlive the process of a legacy client's session."""

    def get(self, session_id: str) -> SessionRecord | None:
        """Return one record. Takes microseconds. Raises StorageError."""

    def put(self, record: SessionRecord, oldest: float) -> asyncio.Future[None]:
        """Queue a record at once, behind those put before; the future ends when it is committed.

        Records of sessions that started before `oldest` may be forgotten. Raises InvalidInput when
        a text cannot be stored; the future raises StorageError.
        """


class CatalogSource(Protocol):
    """Where entries of the catalog come from."""

    async def find(self, words: Sequence[str]) -> Sequence[CatalogEntry]:
        """Return what the words may find, or more: the caller looks again. Raises UpstreamError."""

    async def get(self, slug: str) -> CatalogEntry:
        """Return one entry. Raises NotFound, UpstreamError."""


class PackageManagers(Protocol):
    """The package managers of this machine. Starts processes: only the operator gets here."""

    def has(self, program: str) -> bool:
        """Say whether a program is installed."""

    async def pin(self, package: Package, version: str) -> str:
        """Return the newest version of a package, or `version` if the package has it.

        Raises NotFound when the package is gone, UpstreamError when it cannot be told.
        """


class Vault(Protocol):
    """Seals and opens. Locked until `unlock` or `establish`; then every method works."""

    @property
    def is_open(self) -> bool:
        """Whether the root key is here."""

    @property
    def whereabouts(self) -> str:
        """Where the master key was found, for people: never the key."""

    @property
    def advice(self) -> str:
        """Why the key is where it is, and how to move it."""

    def establish(self, install_id: str, now: float) -> tuple[KeySlot, Sequence[DataKey]]:
        """Make a master key in the best place that works, a root key and the keys of the house.

        The caller stores what is returned, and must have made sure that no slot exists.
        Raises VaultLocked when no place works.
        """

    def unlock(self, install_id: str, slots: Sequence[KeySlot]) -> None:
        """Find the master key and open the root key.

        Raises VaultLocked, which says what was expected and what was found.
        """

    def new_datakey(self, kind: KeyKind, workspace_id: str, version: int, now: float) -> DataKey:
        """Make and wrap a data key."""

    def seal(self, key: DataKey, context: Sequence[str], plain: bytes) -> bytes:
        """Seal `plain`, bound to `context`."""

    def open(self, key: DataKey, context: Sequence[str], blob: bytes) -> bytes:
        """Open a blob. Raises VaultLocked when key, context or blob is not the one sealed with."""

    def digest(self, key: DataKey, purpose: str, parts: Sequence[bytes]) -> bytes:
        """Return the keyed digest (32 bytes) of `parts`, injective in their boundaries."""

    def signer(self, key: DataKey, purpose: str) -> Callable[[bytes], bytes]:
        """Return what makes the MAC (32 bytes) of some bytes, for those who need many."""


class Upstream(Protocol):
    """A live connection to a server, shared by many calls."""

    @property
    def era(self) -> Era:
        """The era spoken on it."""

    @property
    def version(self) -> str:
        """The protocol revision agreed on."""

    @property
    def capabilities(self) -> Mapping[str, Raw]:
        """What the server declared."""

    @property
    def instructions(self) -> str:
        """What the server says to models, untrusted."""

    @property
    def server_info(self) -> Mapping[str, Raw]:
        """The server's own name and version, untrusted."""

    def next_id(self) -> int:
        """Return a request id that is unique on this connection; also its progress token."""

    async def exchange(
        self, message: Outgoing, deliver: Deliver | None = None, ask: Ask | None = None
    ) -> Reply:
        """Send a request and return its reply.

        Its notifications (progress, log messages) go to `deliver`, the server's questions that
        belong to it to `ask`, whose answer is sent back; what no call can be found for is answered
        in the negative. The time that a question waits for its answer does not count as the
        server's. Cancelling the task cancels the request upstream. Never sends twice.
        Raises UpstreamError, UpstreamTimeout, HeadersRefused.
        """


class Upstreams(Protocol):
    """The pool of live connections."""

    def starts(self, server_id: str) -> int:
        """Return how many connections to a server were begun so far, each a start of a child.

        Counts from zero again when its launch changes.
        """

    async def connect(
        self, server: Server, fingerprint: str, fill: Fill, lane: Lane | None = None
    ) -> Upstream:
        """Return the connection of that fingerprint and lane, made at need.

        Connections of the server's other fingerprints end. Without a lane it is the one that any
        client may share, in the newest era that the server speaks; with one, the era is the
        lane's if the server speaks it. Raises UpstreamError, UpstreamTimeout.
        """

    def on_change(self, listener: Callable[[str, Notification], None]) -> None:
        """Call `listener(server_id, notification)` for what any server says outside of calls.

        That is the three list_changed, and `notifications/resources/updated`.
        """

    async def watch(
        self,
        server: Server,
        fingerprint: str,
        fill: Fill,
        uris: frozenset[str],
        eras: frozenset[Era],
    ) -> frozenset[str]:
        """Be told of the changes of a server's lists, and of the resources `uris`, from now on.

        `eras` are those of the clients that want to know. Returns the URIs that the server really
        watches, once it has agreed. A later call replaces the set. Lasts until `unwatch` or the
        fingerprint's end, across broken connections. Raises UpstreamError, UpstreamTimeout; the
        watch is then tried again in the background.
        """

    def unwatch(self, server_id: str) -> None:
        """Want no more news of a server; it costs nothing from here on."""

    def end_client(self, token_id: str) -> None:
        """Begin to end the connections and child processes that are one token's alone."""

    async def keep_only(self, fingerprints: Mapping[str, str]) -> None:
        """End the connections of servers (by id) that are gone, off, or launched otherwise."""

    async def close(self) -> None:
        """End every connection and child process."""
