"""Charts of characters."""

import pytest

from mcpgw.cli.chart import bar, sparkline


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0, 1, 2, 4, 7), " ▂▃▅█"),
        ((7,), "█"),
        ((1, 1_000_000), "▁█"),
        ((0, 0), "  "),
        ((), ""),
    ],
)
def test_sparkline(values: tuple[int, ...], shown: str) -> None:
    assert sparkline(values) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (1.0, "██████████"),
        (0.5, "█████"),
        (0.55, "█████▌"),
        (0.0001, "▏"),
        (0.0, ""),
        (2.0, "██████████"),
        (-1.0, ""),
    ],
)
def test_bar(share: float, shown: str) -> None:
    assert bar(share) == shown
