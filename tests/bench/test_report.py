import pytest

from bench.measure import Figure, Measured, Memory, Start
from bench.plan import SCENARIOS, Subject
from bench.report import GOALS, report


def measured(times_bare: float) -> Measured:
    figures = [
        Figure(scenario.title, scenario.connections, subject, 12345.6, 0.1, times_bare, 1, 2, 3)
        for scenario in SCENARIOS
        for subject in scenario.subjects
    ]
    return Measured(figures, Start(0.5, 0.25), Memory(50, 60, 20), 100)


def test_every_figure_has_a_row_and_every_column_its_place() -> None:
    lines = [line for line in report(measured(1.5)).splitlines() if "12,346" in line]
    assert len(lines) == sum(len(scenario.subjects) for scenario in SCENARIOS)
    assert len({line.index("12,346") for line in lines}) == 1


def test_every_scenario_is_measured_beside_its_yardsticks() -> None:
    for scenario in SCENARIOS:
        assert {Subject.DIRECT, Subject.BARE} < set(scenario.subjects)


@pytest.mark.parametrize(("times_bare", "verdict"), [(1.2, "goal met"), (1.19, "goal MISSED")])
def test_a_goal_is_met_or_missed(times_bare: float, verdict: str) -> None:
    assert report(measured(times_bare)).count(verdict) == len(GOALS)


def test_what_the_journal_costs_is_told() -> None:
    lines = [line for line in report(measured(1.5)).splitlines() if "journal on normal" in line]
    assert [line.partition(":")[0] for line in lines] == [
        "tools/call, connections 1",
        "tools/call, connections 32",
    ]
