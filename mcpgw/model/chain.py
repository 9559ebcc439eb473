"""What makes the journal tamper-evident: the bytes under a row's MAC, and anchors. Pure.

Theory: the rows of one chain are numbered without a gap, and each carries a keyed MAC over itself
and the MAC before it. Who lacks the key can neither change nor insert a row, and taking one out
breaks the next. What was cut off at the end shows only beside an anchor: a number and a MAC that
left the machine earlier. A checkpoint is a signed "the chain begins here": at the first row, and
after each pruning.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from mcpgw.model.audit import Outcome

MAC_BYTES = 16
"""HMAC-SHA-256 cut to 128 bits, as RFC 2104 allows."""

PURPOSE = "mcpgw/journal/v1"
"""What the MACs of the journal's key are for."""

ACTS_PURPOSE = "mcpgw/acts/v1"
"""The same for those of administrative acts."""


OUTCOME_CODE = {
    Outcome.OK: 0,
    Outcome.CANCELLED: 1,
    Outcome.TOOL_ERROR: 3,
    Outcome.UPSTREAM_ERROR: 4,
    Outcome.TIMEOUT: 5,
    Outcome.DENIED: 6,
    Outcome.REVOKED: 7,
    Outcome.LIMITED: 8,
    Outcome.WITHHELD: 9,
    Outcome.UNKNOWN_CRASH: 10,
}
"""What stands for an outcome in rows, for ever. Above 2 are failures; new ones get new numbers."""


class Form:
    """How the rows of one kind are spelled for their MAC: all numbers, all lengths, all texts.

    The lengths come before the texts and the kind before everything, so that no row of this or
    another kind is spelled alike.
    """

    def __init__(self, kind: int, numbers: Sequence[str], texts: Sequence[str]) -> None:
        self.numbers = tuple(numbers)
        self.texts = tuple(texts)
        self._kind = kind
        self._head = struct.Struct(f">B{len(numbers)}q{len(texts)}I")

    def spelled(self, numbers: Sequence[int], texts: Sequence[bytes]) -> bytes:
        """Return what a row's MAC covers, behind the MAC of the row before."""
        return self._head.pack(self._kind, *numbers, *map(len, texts)) + b"".join(texts)


START = Form(
    1,
    ("seq", "writer_id", "started_us", "number", "request_bytes"),
    ("arguments", "caller", "target"),
)
"""The row of a call's start."""

END = Form(
    2,
    (
        *("seq", "writer_id", "start_seq", "started_us", "number", "outcome", "duration_us"),
        *("bucket", "upstream_us", "upstream_status", "request_bytes", "result_bytes"),
        *("redactions", "restarts", "retries"),
    ),
    ("error_class", "arguments", "result", "caller", "target"),
)
"""The row of a call's end; `start_seq` is 0 for a call without a start."""

ACT = Form(
    4,
    ("seq", "at_us"),
    ("kind", "workspace_id", "member", "token_id", "role", "account", "subject", "detail"),
)
"""The row of an administrative act."""

_CHECKPOINT = Form(3, ("seq", "rows", "made_us"), ("mac", "reason", "chain"))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where verification begins: behind the row `seq`, whose MAC it repeats.

    `rows` is how many rows up to there are gone (`reason` is `prune`) or were never signed
    (`begin`).
    """

    seq: int
    mac: bytes
    reason: str
    rows: int
    made_us: int

    def spelled(self, chain: str) -> bytes:
        """Return what its signature covers."""
        numbers = (self.seq, self.rows, self.made_us)
        return _CHECKPOINT.spelled(numbers, (self.mac, self.reason.encode(), chain.encode()))


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a chain at some moment, kept where who edits the database cannot reach it."""

    chain: str
    seq: int
    mac: bytes

    def __str__(self) -> str:
        return f"mcpgw-anchor {self.chain} {self.seq} {self.mac.hex()}"


_ANCHOR = re.compile(rf"mcpgw-anchor ([a-z]+-[0-9a-f]+) (\d{{1,18}}) ([0-9a-f]{{{2 * MAC_BYTES}}})")


def read_anchors(text: str) -> tuple[Anchor, ...]:
    """Return the anchors in a text, such as a log, whatever stands around them."""
    return tuple(
        Anchor(chain, int(seq), bytes.fromhex(mac)) for chain, seq, mac in _ANCHOR.findall(text)
    )


def spelled(texts: Iterable[str]) -> bytes:
    """Return texts as MACs cover them: a JSON array, so that no other texts look the same."""
    return msgspec.json.encode(tuple(texts))


def genesis(chain: str) -> bytes:
    """Return what is signed in place of the MAC before the first row."""
    return b"\0" + chain.encode()


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of looking at every row of a chain.

    `problem` says what is wrong with the row `bad_seq`, the first such one; empty when nothing is.
    `first` and `last` are the numbers of the rows that were covered, `rows` how many those are.
    `unsigned` rows are of before there were MACs. `anchors` were held against a row, and
    `older_anchors` are of rows that were pruned since. `unfinished` calls have no end.
    """

    chain: str
    first: int = 0
    last: int = 0
    rows: int = 0
    unsigned: int = 0
    pruned: int = 0
    unfinished: int = 0
    anchors: int = 0
    older_anchors: int = 0
    bad_seq: int | None = None
    problem: str = ""
