"""Pages in one file: what they hold arrives as it was, nothing is asked for, nothing else runs."""

import json
import re

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.pictures.page import DTYPES, as_script, page

HOSTILE = [
    *(
        "</script><script>alert(1)</script>",
        "<!--",
        "-->",
        "]]>",
        "&lt;",
        "\"'`${}",
        "\\",
        "a\u2028b",
    ),
    *("\u202edlrow", "\u0301", "", " ", "\ufeff", "\0", "\r\n", "서울", "😀", "\ud800"),
]


def test_data_in_a_script_is_json_that_nothing_in_it_can_end():
    text = as_script({"words": HOSTILE})
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", text)
    assert json.loads(text) == {"words": HOSTILE}


def test_what_json_and_javascript_lack_is_refused():
    for value in (float("nan"), {1, 2}, np.zeros(2, np.int64), np.zeros(2, np.complex64)):
        with pytest.raises(EmbedlayerError, match="a page holds what JSON can"):
            page("t", body="", data={"value": value})


def test_a_page_names_its_scripts_by_digest_and_forbids_all_else():
    text = page("<b>", body="<p>")
    policy = re.search(r'Content-Security-Policy" content="(.*)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.count("sha256-") == 2
    assert "<title>&lt;b&gt;</title>" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_data_arrives_in_a_browser_and_what_is_not_the_page_s_does_not_run(browser, tmp_path):
    arrays = {name: np.array([0, 1, 100], name) for name in DTYPES}
    body = '<p id="a" onclick="alert(1)">x</p><script>window.ran = 1</script>'
    path = tmp_path / "page.html"
    text = page(HOSTILE[0], body="<p id=b>y</p>", data={"words": HOSTILE, "arrays": arrays})
    path.write_text(text, encoding="utf-8")
    browser.open(path)
    assert browser.driver.title == HOSTILE[0]
    assert json.loads(browser.run("return JSON.stringify(pageData.words)")) == HOSTILE
    numbers = browser.run(
        "return Object.entries(pageData.arrays)"
        ".map(([name, one]) => [name, one.constructor.name.toLowerCase(), ...one])"
    )
    assert numbers == [[name, f"{name}array", 0, 1, 100] for name in DTYPES]
    browser.check_fits()
    browser.check_quiet()

    path.write_text(page("t", body=body), encoding="utf-8")
    browser.open(path)
    assert browser.run("return window.ran") is None
    with pytest.raises(AssertionError, match=r"the console says .*Content Security Policy"):
        browser.check_quiet()


def test_a_request_is_noticed(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text('<img src="other.png">', encoding="utf-8")
    browser.open(path)
    with pytest.raises(AssertionError, match=r"the page asked for .*other\.png"):
        browser.check_quiet()
