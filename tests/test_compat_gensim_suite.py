"""gensim's own tests of Word2Vec and KeyedVectors pass with our names, but for those of a table."""

import re
import unittest

import gensim_suite
import pytest
from conftest import import_or_skip

import_or_skip("gensim")

# Tests of what is not named here, by the last two parts of their names.
PICKLES = "goes on training a model in gensim's pickle, of which vectors alone are read"
NOT_NAMED = {
    "TestWord2VecModel.test_load_old_model": PICKLES,
    "TestWord2VecModel.test_load_old_model_separates": PICKLES,
    "TestWord2VecModel.test_load_old_models_1_x": PICKLES,
    "TestWord2VecModel.test_load_old_models_2_x": PICKLES,
    "TestWord2VecModel.test_load_old_models_3_x": PICKLES,
    "TestWord2VecModel.test_persistence_backwards_compatible": PICKLES,
    "TestWord2VecModel.test_method_in_bulk": "skips, unless gensim's authors tune their tests",
    "TestWord2VecScripts.test_word2vec_stand_alone_script": "runs a program of gensim's",
    "TestWord2VecSentenceIterators.test_cython_line_sentence_works_with_filename": "as it says",
}
# Tests that cannot pass, and how they fail: with what an error or a log line says.
DIFFERS = {
    "TestKeyedVectors.test_load_model_and_vocab_file_strict": r"line 2: .* is not a word in UTF-8",
    "TestWord2VecModel.test_build_vocab_warning": r"sentence 1 is the str 'human': it must be a",
    "TestWord2VecModel.test_compute_training_loss": r"^hs=1 and negative=5: a model has one loss",
    "TestWord2VecModel.test_train_hs_and_neg": r"^hs=1 and negative=5: a model has one loss",
    "TestWord2VecModel.test_locking": r"^hs=1 and negative=5: a model has one loss",
    "TestWord2VecModel.test_prune_vocab": r"^max_vocab_size=2 .*use max_final_vocab or min_count",
    "TestWord2VecModel.test_train_warning": r"^False is not true",  # the log line has other words
}

# Tests whose outcome is a matter of chance, of vectors trained by several threads:
CHANCE = {
    # The rank of one word. Of seeds 1 to 6 gensim's is 9 at worst and ours 8; below 6 is asked for.
    "TestWord2VecModel.test_parallel": r"not less than 6$",
    # 3CosAdd and 3CosMul are to solve the same analogies of 146, nearly none. Of 60 runs of seed 1
    # two of ours differ by one, of seeds 101 to 250 none of either's.
    "TestWord2VecModel.test_evaluate_word_analogies": r"^0\.0\d* != 0\.0\d*$|^Lists differ",
}


def suite() -> dict[str, unittest.TestCase]:
    modules = map(gensim_suite.load, ("test_keyedvectors", "test_word2vec"))
    tests = (test for module in modules for test in gensim_suite.tests_of(module))
    return {".".join(test.id().split(".")[-2:]): test for test in tests}


SUITE = suite()


def test_the_tables_name_tests_and_leave_nine_tenths():
    assert {*NOT_NAMED, *DIFFERS, *CHANCE} <= {*SUITE}
    named = len(SUITE) - len(NOT_NAMED)
    assert len(DIFFERS) + len(CHANCE) <= named / 10, f"{len(DIFFERS)} of {named} fail"


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", [name for name in SUITE if name not in NOT_NAMED])
def test_as_gensim_does(name):
    result = unittest.TestResult()
    SUITE[name].run(result)
    bad = [text.strip() for _, text in result.failures + result.errors]
    assert result.skipped == []
    wanted = DIFFERS.get(name) or (CHANCE[name] if bad and name in CHANCE else None)
    if wanted is None:
        assert bad == []
        return
    (text,) = bad
    *_, said = re.findall(r"^[\w.]*Error: (.*)", text, re.MULTILINE)
    assert re.search(wanted, said), said
