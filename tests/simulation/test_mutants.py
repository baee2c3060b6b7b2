"""The search finds mistakes: each mutant of the hook, which has one mistake, is caught."""

import pytest

from tests.simulation.mutants import SEEDS, caught, mutants, simulations_for
from tests.simulation.properties import Property


def test_there_are_enough_mutants() -> None:
    """Each has a seed that catches it."""
    assert len(mutants()) >= 20
    assert set(SEEDS) == set(mutants())


@pytest.mark.parametrize("name", sorted(mutants()))
def test_the_mutant_is_caught(name: str) -> None:
    """A property is violated; without the mistake none is (test_simulation_runs).

    An unanswered request alone does not count: a mutant that no longer fits the hook raises an
    error, and would be caught for that.
    """
    mutant = mutants()[name]
    assert any(
        violation.property is not Property.ANSWERED
        for simulation in simulations_for(name)
        for violation in caught(mutant, simulation)
    ), "search other seeds with python -m tests.simulation.mutants"


def test_a_mutant_leaves_nothing_behind() -> None:
    """After its run the hook is unchanged."""
    for mutant in mutants().values():
        before = [getattr(owner, attribute) for owner, attribute, _ in mutant.patches]
        with mutant.alive():
            changed = [getattr(owner, attribute) for owner, attribute, _ in mutant.patches]
            assert all(new is not old for new, old in zip(changed, before, strict=True))
        after = [getattr(owner, attribute) for owner, attribute, _ in mutant.patches]
        assert after == before
