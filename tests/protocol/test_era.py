import pytest

from mcpgw.protocol.era import (
    LEGACY_VERSIONS,
    LISTS,
    METHODS,
    MODERN_VERSIONS,
    NAME_BEARING,
    NEWEST_LEGACY,
    NEWEST_MODERN,
    Era,
    era_of,
    is_older,
)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2024-11-05", Era.LEGACY),
        ("2025-03-26", Era.LEGACY),
        ("2025-06-18", Era.LEGACY),
        ("2025-11-25", Era.LEGACY),
        ("2026-07-28", Era.MODERN),
        ("2027-01-01", None),
        ("1999-01-01", None),
        ("", None),
    ],
)
def test_era_of(version: str, expected: Era | None) -> None:
    assert era_of(version) is expected


@pytest.mark.parametrize(
    ("version", "revision", "expected"),
    [
        ("2024-11-05", "2025-03-26", True),
        ("2025-03-26", "2025-03-26", False),
        ("2025-11-25", "2025-06-18", False),
        ("2025-11-25", "2026-07-28", True),
        ("2026-07-28", "2025-11-25", False),
        ("1999-01-01", "2025-11-25", False),
    ],
)
def test_is_older_goes_by_the_order_of_revisions(
    version: str, revision: str, expected: bool
) -> None:
    assert is_older(version, revision) is expected


def test_newest_are_the_last() -> None:
    assert max(LEGACY_VERSIONS) == NEWEST_LEGACY
    assert max(MODERN_VERSIONS) == NEWEST_MODERN


@pytest.mark.parametrize("era", list(Era))
def test_both_eras_list_and_call(era: Era) -> None:
    assert {*LISTS, *NAME_BEARING, "completion/complete"} <= METHODS[era]


@pytest.mark.parametrize(
    ("method", "era"),
    [
        ("initialize", Era.LEGACY),
        ("logging/setLevel", Era.LEGACY),
        ("ping", Era.LEGACY),
        ("resources/subscribe", Era.LEGACY),
        ("resources/unsubscribe", Era.LEGACY),
        ("server/discover", Era.MODERN),
        ("subscriptions/listen", Era.MODERN),
    ],
)
def test_methods_of_one_era_only(method: str, era: Era) -> None:
    assert [one for one in Era if method in METHODS[one]] == [era]
