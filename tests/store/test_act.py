"""Acts are written with their changes or not at all, kept, and signed as soon as there is a key."""

import sqlite3
from collections.abc import AsyncIterator

import pytest
from msgspec import structs
from sqlalchemy import Connection, text

from mcpgw.errors import Conflict, NotFound, StorageError
from mcpgw.model.act import Act, ActFilter, ActKind
from mcpgw.model.chain import Anchor
from mcpgw.store import act as module
from mcpgw.store.opened import Store
from tests.store.records import ACT, NOW, server, sign, token

EVERYTHING = ActFilter(newest=1000)


@pytest.fixture
async def signing(demo: Store) -> AsyncIterator[Store]:
    """The store with two acts of before there was a key, and the key."""
    demo.acts.sign_with(sign)
    yield demo


def act(subject: str, **more: object) -> Act:
    return structs.replace(ACT, subject=subject, **more)


async def subjects(store: Store, wanted: ActFilter = EVERYTHING) -> list[str]:
    return [seen.act.subject for seen in await store.acts.find(wanted)]


async def macs(store: Store) -> list[bytes | None]:
    query = text("SELECT mac FROM act ORDER BY seq")
    return await store.database.read(lambda c: list(c.execute(query).scalars()))


async def test_an_act_is_written_with_its_change(demo: Store) -> None:
    done = act("git", kind=ActKind.SERVER_ADD, token_id="", member="operator", role="operator")
    await demo.servers.add(server("git"), done)
    *_, seen = await demo.acts.find(EVERYTHING)
    assert (seen.seq, seen.act) == (3, done)
    assert seen.account
    assert "git" in {one.name for one in (await demo.configuration.load()).servers["ws_demo"]}


async def test_a_change_that_fails_leaves_no_act(demo: Store) -> None:
    before = await subjects(demo)
    with pytest.raises(Conflict):
        await demo.servers.add(server(), act("jira"))
    with pytest.raises(NotFound):
        await demo.tokens.revoke(["tok_gone"], NOW, act("tok_gone"))
    with pytest.raises(NotFound):
        await demo.tokens.add(token(workspace_id="ws_gone"), act("tok_1"))
    assert await subjects(demo) == before


async def test_an_act_that_cannot_be_written_takes_its_change_back(
    demo: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(module.Acts, "_record", fail)
    with pytest.raises(StorageError):
        await demo.servers.add(server("git"), act("git"))
    assert len((await demo.configuration.load()).servers["ws_demo"]) == 1


async def test_acts_outlive_what_they_are_about(demo: Store) -> None:
    await demo.workspaces.remove("ws_demo", act("demo", kind=ActKind.WORKSPACE_DELETE))
    assert await subjects(demo) == ["jira", "jira", "demo"]


async def test_an_act_that_changes_nothing_here(demo: Store) -> None:
    await demo.acts.record(act("calls", kind=ActKind.LOGS_PRUNE))
    assert (await subjects(demo))[-1] == "calls"


async def test_whoever_has_the_key_signs_what_came_before(signing: Store) -> None:
    assert await macs(signing) == [None, None]
    await signing.acts.record(act("third"))
    assert all(await macs(signing))
    assert await signing.acts.sign_rest() == 0
    found = await signing.acts.verify()
    assert (found.rows, found.unsigned, found.problem) == (3, 0, "")
    assert found.chain.startswith("acts-")


async def test_what_was_done_without_the_key_is_signed_later(signing: Store) -> None:
    found = await signing.acts.verify()
    assert (found.rows, found.unsigned, found.problem) == (0, 2, "")
    assert await signing.acts.head() is None
    version = signing.configuration.version()
    assert await signing.acts.sign_rest() == 2
    assert signing.configuration.version() != version
    head = await signing.acts.head()
    assert head is not None
    assert head.seq == 2
    found = await signing.acts.verify([head, Anchor("calls-00", 9, bytes(16))])
    assert (found.rows, found.unsigned, found.anchors, found.problem) == (2, 0, 1, "")


async def test_without_the_key_nothing_is_signed_or_verified(demo: Store) -> None:
    with pytest.raises(StorageError, match="cannot be signed yet"):
        await demo.acts.sign_rest()
    with pytest.raises(StorageError, match="cannot be signed yet"):
        await demo.acts.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM act WHERE seq = 1",
        "UPDATE act SET subject = 'x' WHERE seq = 1",
        "UPDATE act SET mac = x'00' WHERE seq = 3",
        "UPDATE act SET mac = NULL WHERE seq = 3",
        "UPDATE act SET mac = x'00', member = 'eve' WHERE seq = 4",
        "UPDATE act SET seq = 9 WHERE seq = 4",
    ],
)
async def test_acts_are_kept_as_they_are(signing: Store, statement: str) -> None:
    await signing.acts.record(act("third"))
    signing.acts._sign = None
    await signing.acts.record(act("fourth"))

    def run(connection: Connection) -> None:
        connection.execute(text(statement))

    with pytest.raises(StorageError):
        await signing.database.write(run)
    assert await subjects(signing) == ["jira", "jira", "third", "fourth"]


async def test_acts_are_found(demo: Store) -> None:
    for number in range(3, 8):
        member = "bob" if number % 2 else "ana"
        more = {"at_us": number * 1_000_000, "member": member}
        workspace_id = "" if number == 5 else "ws_other"
        await demo.acts.record(act(str(number), workspace_id=workspace_id, **more))
    for wanted, found in (
        ({"workspace_ids": ("ws_other", "")}, "34567"),
        ({"workspace_ids": ("ws_other",)}, "3467"),
        ({"workspace_ids": ("",)}, "5"),
        ({"workspace_ids": ("ws_none",)}, ""),
        ({"member": "bob"}, "357"),
        ({"workspace_ids": ("ws_other",), "since": 4.0, "until": 6.0}, "4"),
        ({"seq": 6}, "6"),
        ({"newest": 2}, "67"),
        ({"newest": 2, "before_seq": 7}, "56"),
        ({"newest": 2, "after_seq": 4}, "56"),
        ({"newest": 2, "after_seq": 7}, ""),
    ):
        assert "".join(await subjects(demo, ActFilter(**wanted))) == found, wanted


def test_the_account_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert module._account() != "somebody-else"


def test_an_account_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345678)
    assert module._account() == "12345678"
