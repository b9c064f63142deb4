"""A few damaged files for every reader; ``ci/fuzz.sh`` reads many more."""

import pytest
from fuzz import TARGETS, Target, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(tmp_path, name):
    tally = fuzz(TARGETS[name], tmp_path, seed=7, cases=100)
    assert tally.failures == []
    assert 10 < tally.refused < 100  # else they are damaged beyond any use, or not at all


def test_the_fuzzer_sees_what_is_no_answer(tmp_path):
    def read(path):
        return path.read_bytes().decode()

    tally = fuzz(Target(lambda folder: [b"abc"], read), tmp_path, seed=7, cases=50)
    assert any("UnicodeDecodeError" in why for _, why in tally.failures)
