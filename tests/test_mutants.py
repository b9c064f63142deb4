"""The script of planted bugs: a few of them, and what it says of bugs that nobody notices."""

import mutants
import pytest
from mutants import MUTANTS, Mutant

QUICK = (
    "Adam counts parameters",
    "a damaged description is read",
    "thresholds one too high",
    "words that occur once are kept as if twice",
)


@pytest.mark.parametrize("name", QUICK)
def test_tests_notice(name):
    assert not MUTANTS[name].survives()


def test_a_bug_that_no_test_notices_is_named(monkeypatch):
    monkeypatch.setitem(MUTANTS, "none", Mutant("rng.py", "Counter-based", "Random", "rng"))
    assert mutants.survivors(["none"]) == ["none"]


def test_mutants_that_cannot_be_planted_or_tried_are_told():
    with pytest.raises(ValueError, match=r"rng\.py has no 'nowhere' after ''"):
        Mutant("rng.py", "nowhere", "", "rng").survives()
    with pytest.raises(RuntimeError, match="the tests do not run"):
        Mutant("rng.py", "Counter-based", "", "rng", select="no such test").survives()


def test_every_mutant_can_be_planted(tmp_path):
    for mutant in MUTANTS.values():
        copy = tmp_path / mutant.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((mutants.PACKAGE / mutant.file).read_bytes())
        mutant.plant(tmp_path)
        assert copy.read_bytes() != (mutants.PACKAGE / mutant.file).read_bytes()
