"""Whatever is done to an act is found."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from mcpgw.model.chain import Anchor
from mcpgw.store.act_verification import genesis_mac, mac_of, verify
from tests.store.records import sign

CHAIN = "acts-00"
Row = dict[str, Any]


def rows(number: int = 5) -> list[Row]:
    """Return signed acts."""
    made: list[Row] = []
    mac = genesis_mac(CHAIN, sign)
    for seq in range(1, number + 1):
        texts = ("kind", "workspace_id", "member", "token_id", "role", "account", "detail")
        row = {"seq": seq, "at_us": 10 * seq, "subject": f"s{seq}", **dict.fromkeys(texts, "x")}
        mac = row["mac"] = mac_of(row, mac, sign)
        made.append(row)
    return made


def anchor(row: Row) -> Anchor:
    return Anchor(CHAIN, row["seq"], row["mac"])


def problem(found: list[Row], *anchors: Anchor) -> tuple[int | None, str]:
    said = verify(CHAIN, found, sign, anchors)
    return said.bad_seq, said.problem


def test_acts_as_they_were_written() -> None:
    made = rows()
    found = verify(CHAIN, made, sign, [anchor(made[1]), anchor(made[4]), Anchor("other-0", 9, b"")])
    assert (found.first, found.last, found.rows, found.anchors) == (1, 5, 5, 2)
    assert (found.bad_seq, found.problem) == (None, "")
    assert problem([]) == (None, "")


def test_acts_at_the_end_without_a_mac_are_counted() -> None:
    made = rows()
    made[3]["mac"] = made[4]["mac"] = None
    found = verify(CHAIN, made, sign, ())
    assert (found.rows, found.unsigned, found.problem) == (3, 2, "")


@pytest.mark.parametrize("name", [name for name in rows(1)[0] if name != "seq"])
def test_a_changed_value(name: str) -> None:
    made = rows()
    value = made[2][name]
    made[2][name] = value + 1 if isinstance(value, int) else value + type(value)(value[:1])
    assert problem(made) == (3, "it is not as it was written, or not in its place")
    for other in (None, 7.5, b"x", 1 << 70):
        made = rows()
        made[2][name] = other
        bad_seq, said = problem(made)
        assert bad_seq == 3
        assert said


def test_acts_taken_out_put_in_and_swapped() -> None:
    made = rows()
    assert problem([*made[:2], *made[3:]]) == (3, "it is missing")
    assert problem(made[1:]) == (1, "it is missing")
    assert problem([made[0], made[0], *made[1:]])[0] == 2
    swapped = [made[0], made[1] | {"seq": 3}, made[2] | {"seq": 2}, *made[3:]]
    assert problem(sorted(swapped, key=lambda row: row["seq"]))[0] == 2
    made[1]["mac"] = None
    assert problem(made) == (2, "it has no MAC, though one behind it has")


def test_acts_cut_off_show_beside_an_anchor() -> None:
    made = rows()
    assert problem(made[:3]) == (None, "")
    gone = "it was anchored, and is gone, or has no MAC any more"
    assert problem(made[:3], anchor(made[3]), anchor(made[4])) == (4, gone)
    bare = [*made[:4], made[4] | {"mac": None}]
    assert problem(bare, anchor(made[4])) == (5, gone)


def test_another_chain_in_its_place_shows_beside_an_anchor() -> None:
    made, other = rows(), rows()
    other[0]["subject"] = "forged"
    mac = genesis_mac(CHAIN, sign)
    for row in other:
        mac = row["mac"] = mac_of(row, mac, sign)
    assert problem(other) == (None, "")
    assert problem(other, anchor(made[2])) == (3, "it is not the row that was anchored")


def edit(row: Row, chance: random.Random) -> None:
    name = chance.choice([name for name in row if name != "seq"])
    value = row[name]
    if isinstance(value, int):
        row[name] = value + chance.choice((-1, 1))
    elif isinstance(value, bytes):
        row[name] = bytes([value[0] ^ 1]) + value[1:]
    else:
        row[name] = value + chance.choice("abc")


def test_a_thousand_edits() -> None:
    chance = random.Random(7)  # noqa: S311  (a test)
    made = rows(20)
    head = anchor(made[-1])
    acts: list[Callable[[list[Row]], object]] = [
        lambda some: edit(chance.choice(some), chance),
        lambda some: some.pop(chance.randrange(len(some))),
        lambda some: some.insert(chance.randrange(len(some)), dict(chance.choice(some))),
        lambda some: _swap(some, *chance.sample(range(len(some)), 2)),
        lambda some: some.__delitem__(slice(chance.randrange(1, len(some)), None)),
    ]
    for _ in range(1000):
        changed = [dict(row) for row in made]
        chance.choice(acts)(changed)
        assert changed != made
        assert problem(changed, head)[1]


def _swap(some: list[Row], one: int, other: int) -> None:
    some[one], some[other] = some[other], some[one]
