import asyncio

from mcpgw.cli.bridging.tasks import Tasks


async def test_tasks_are_waited_for_and_ended_together() -> None:
    done: list[str] = []

    async def work(name: str, news: asyncio.Event) -> None:
        try:
            await news.wait()
        except asyncio.CancelledError:
            done.append(f"{name} cancelled")
            raise
        done.append(name)

    async with asyncio.TaskGroup() as group:
        ours, theirs = Tasks(group), Tasks(group)
        news, never = asyncio.Event(), asyncio.Event()
        await ours.wait(10)
        ours.spawn(work("one", news))
        ours.spawn(work("two", never))
        other = theirs.spawn(work("three", news))
        await ours.wait(0.01)
        assert done == []
        ours.cancel()
        await ours.wait(10)
        assert sorted(done) == ["one cancelled", "two cancelled"]
        ours.cancel()
        news.set()
        await other
    assert done[2:] == ["three"]
