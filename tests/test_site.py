"""The site that Sphinx made of docs/: it asks nothing of other hosts, and its links lead somewhere.

``sphinx-build -W docs build/site`` makes it, as ci/test.sh does before the tests.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import skip_or_fail
from pages import ROOT

SITE = ROOT / "build" / "site"
ASKING = {"src", "data", "poster", "srcset", "action"}  # attributes by which a browser fetches
PASSED_OVER = {
    "canonical",
    "search",
    "index",
    "next",
    "prev",
}  # kinds of <link> that are not fetched
IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page fetches, where its links lead, and the names of its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        self.fetched += [given[name] for name in ASKING & {*given}]
        self.fetched += found_in_style(given.get("style", ""))
        if tag == "link" and not PASSED_OVER & {*given.get("rel", "").split()}:
            self.fetched.append(given["href"])
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])

    def handle_data(self, data):
        if self.lasttag == "style":
            self.fetched += found_in_style(data)


def found_in_style(text: str) -> list[str]:
    return [one or other for one, other in IN_STYLE.findall(text)]


def site_pages() -> list[Path]:
    """The pages of the site; the test is skipped, or fails, where there is none."""
    if not (SITE / "index.html").is_file():
        skip_or_fail(
            "site", "there is no site: pip install '.[docs]'; sphinx-build docs build/site"
        )
    found = sorted(SITE.rglob("*.html"))
    assert len(found) > 30
    return found


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site_pages()}


def is_elsewhere(url: str) -> bool:
    """Whether a browser asks another host, or a scheme other than the page's own."""
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def check_link(path: Path, url: str, pages: dict[Path, Page]) -> None:
    """Raise unless the place in the site that a link names exists."""
    parts = urlsplit(url)
    target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
    assert target.is_file(), f"{path.name}: no page {url}"
    if parts.fragment and target in pages:
        places = pages[target].places
        assert unquote(parts.fragment) in places, f"{path.name}: no place {url}"


def test_no_page_asks_another_host(pages):
    for path, page in pages.items():
        assert page.fetched
        for url in page.fetched:
            assert not is_elsewhere(url), f"{path.name} fetches {url}"
    for path in SITE.rglob("*.css"):
        for url in found_in_style(path.read_text(encoding="utf-8")):
            assert not is_elsewhere(url), f"{path.name} fetches {url}"


def test_each_link_leads_to_a_place_of_the_site(pages):
    checked = 0
    for path, page in pages.items():
        for url in page.links:
            if not is_elsewhere(url):
                check_link(path, url, pages)
                checked += 1
    assert checked > 1000


def test_our_page_on_search_and_the_results_of_searching_are_two(pages):
    assert "cosine" in (SITE / "search.html").read_text(encoding="utf-8")
    assert 'id="search-results"' in (SITE / "find.html").read_text(encoding="utf-8")
    assert "find.html" in pages[SITE / "index.html"].fetched  # the form's action


@pytest.mark.parametrize(
    "html",
    [
        "<script src='https://cdn.example.org/x.js'></script>",
        "<link rel='stylesheet' href='//fonts.example.org/x.css'>",
        "<link rel='preconnect' href='https://fonts.example.org'>",
        "<img src='http://example.org/x.png'>",
        "<style>@import 'https://example.org/x.css';</style>",
        "<p style='background: url(https://example.org/x.png)'>",
    ],
)
def test_the_check_finds_what_is_fetched(html):
    assert [url for url in Page(html).fetched if is_elsewhere(url)]


@pytest.mark.parametrize("url", ["absent.html", "#nowhere", "b.html#nowhere"])
def test_the_check_finds_links_that_lead_nowhere(url, tmp_path):
    pages = {}
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text("<p id='here'>")
        pages[tmp_path / name] = Page("<p id='here'>")
    check_link(tmp_path / "a.html", "b.html#here", pages)
    with pytest.raises(AssertionError, match=r"no (page|place)"):
        check_link(tmp_path / "a.html", url, pages)
