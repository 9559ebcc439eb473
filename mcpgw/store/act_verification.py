"""Looks at every administrative act: is it as it was written, and is none missing? Changes nothing.

Stops at the first that is not as it was. Acts at the end without a MAC are counted, not covered.
"""

import hmac
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpgw.model.chain import ACT, MAC_BYTES, Anchor, Verification, genesis
from mcpgw.store.rows import Sign

_CHANGED = "it is not as it was written, or not in its place"
_MISSING = "it is missing"
_BARE = "it has no MAC, though one behind it has"
_OTHER_ROW = "it is not the row that was anchored"
_GONE = "it was anchored, and is gone, or has no MAC any more"


def genesis_mac(chain: str, sign: Sign) -> bytes:
    """Return what stands for the MAC before the first act."""
    return sign(genesis(chain))[:MAC_BYTES]


def mac_of(row: Mapping[str, Any], before: bytes, sign: Sign) -> bytes:
    """Return the MAC of an act that stands behind the one with the MAC `before`."""
    numbers = [row[name] for name in ACT.numbers]
    texts = [row[name].encode() for name in ACT.texts]
    return sign(ACT.spelled(numbers, texts) + before)[:MAC_BYTES]


def verify(
    chain: str, rows: Iterable[Mapping[str, Any]], sign: Sign, anchors: Iterable[Anchor]
) -> Verification:
    """Return what is wrong with the acts, which come in the order of their numbers."""
    walk = _Walk(chain, sign, [one for one in anchors if one.chain == chain])
    for row in rows:
        problem = walk.step(row)
        if problem is not None:
            return walk.found(*problem)
    return walk.found(*walk.missing())


@dataclass(slots=True)
class _Walk:
    """One look at everything."""

    chain: str
    sign: Sign
    anchors: list[Anchor]
    last: int = 0
    mac: bytes = b""
    unsigned: int = 0
    anchored: int = 0
    macs: dict[int, list[bytes]] = field(default_factory=dict)
    """The anchors that are still to be met, by number."""

    def __post_init__(self) -> None:
        self.mac = genesis_mac(self.chain, self.sign)
        for anchor in self.anchors:
            self.macs.setdefault(anchor.seq, []).append(anchor.mac)

    def step(self, row: Mapping[str, Any]) -> tuple[int, str] | None:
        """Look at the next act; return its number and what is wrong with it."""
        seq = self.last + self.unsigned + 1
        if row["seq"] != seq:
            return seq, _MISSING
        if row["mac"] is None:
            self.unsigned += 1
            return None
        if self.unsigned:
            return self.last + 1, _BARE
        if not hmac.compare_digest(self._expected(row), _bytes(row["mac"])):
            return seq, _CHANGED
        self.last, self.mac = seq, row["mac"]
        for mac in self.macs.pop(seq, ()):
            if not hmac.compare_digest(mac, self.mac):
                return seq, _OTHER_ROW
            self.anchored += 1
        return None

    def missing(self) -> tuple[int | None, str]:
        """Return the first anchor that no act stands for."""
        return (min(self.macs), _GONE) if self.macs else (None, "")

    def found(self, bad_seq: int | None, problem: str) -> Verification:
        """Return what is known so far."""
        return Verification(
            chain=self.chain,
            first=1,
            last=self.last,
            rows=self.last,
            unsigned=self.unsigned,
            anchors=self.anchored,
            bad_seq=bad_seq,
            problem=problem,
        )

    def _expected(self, row: Mapping[str, Any]) -> bytes:
        try:
            return mac_of(row, self.mac, self.sign)
        except (AttributeError, TypeError, ValueError, struct.error):
            return b""


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
