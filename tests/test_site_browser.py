"""The site in Chromium: pages are quiet and legible, words are found, the navigation leads on."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser import check_drawn
from test_site import SITE, site_pages

WIDTHS = (400, 1600)
SMALLEST = 12  # pixels
WITHOUT_HEADING = ("find.html",)
TOO_SMALL = """
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (walk.nextNode()) {
  const { data, parentElement: one } = walk.currentNode;
  const size = parseFloat(getComputedStyle(one).fontSize);
  if (size < arguments[0] && data.trim() && one.checkVisibility()) found.push([size, data.trim()]);
}
return found;
"""
# On a phone the content has a scroller of its own.
BEYOND = "const { scrollWidth, clientWidth } = document.querySelector('.content');"
RESULTS = "#search-results li"
ENDED = (
    "new URLSearchParams(location.search).get('q') === arguments[0]"
    " && /finished|did not match/.test(document.querySelector('#search-results')?.innerText)"
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and writes nothing of it."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The URL at which the site is served: from a disk its search shows no summaries."""
    site_pages()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    serving.join()
    server.server_close()


def wait(browser, condition: str, *arguments: object) -> None:
    """Until the page makes this expression true, ten seconds at most."""
    from selenium.webdriver.support.wait import WebDriverWait

    said = f"{condition} {arguments} did not come true"
    WebDriverWait(browser.driver, 10, poll_frequency=0.05).until(
        lambda _: browser.run(f"return {condition}", *arguments), said
    )


def press(browser, selector: str) -> None:
    """Click what a reader would, when it has come into view."""
    found = browser.driver.find_element("css selector", selector)
    browser.run("arguments[0].scrollIntoView({ behavior: 'instant', block: 'center' })", found)
    found.click()


def search(browser, word: str) -> None:
    """Type it into the box of the navigation, and wait for the results."""
    box = browser.driver.find_element("css selector", ".sidebar-search")
    box.send_keys(f"{word}\n")
    wait(browser, ENDED, word)


def test_every_page_is_quiet_and_can_be_read_on_a_phone_and_on_a_wide_screen(browser, site):
    for path in site_pages():
        name = path.relative_to(SITE).as_posix()
        browser.open(site + name, WIDTHS[0], 900)
        for width in WIDTHS:
            browser.size(width, 900)
            assert browser.run("return innerWidth") == width
            browser.check_fits()
            assert browser.run(f"{BEYOND} return scrollWidth - clientWidth") == 0, name
            assert browser.run(TOO_SMALL, SMALLEST) == [], f"{name}, {width} pixels wide"
        assert name in WITHOUT_HEADING or browser.text("article h1")
        browser.check_quiet(site)


def test_a_page_is_drawn_light_and_dark(browser, site):
    for dark in (False, True):
        browser.open(f"{site}quickstart.html", 1600, 900, dark)
        pixels = browser.pixels()
        check_drawn(pixels[::4, ::4], 2000)
        assert (pixels[450, 900].mean() < 60) == dark


@pytest.mark.parametrize(
    ("word", "page"),
    [("checkpoint", "howto/checkpoints.html"), ("held_out", "reference/training.html")],
)
def test_the_search_finds_a_page_by_a_word_and_leads_there(browser, site, word, page):
    browser.open(f"{site}howto/train.html", 1600, 900)
    search(browser, word)
    found = f'{RESULTS} a[href*="{page}"]'
    wait(browser, "document.querySelector(arguments[0] + ' p')", RESULTS)  # what is around the word
    browser.check_quiet(site)
    press(browser, found)
    wait(browser, "location.pathname === arguments[0]", f"/{page}")
    assert word in browser.text("article")
    search(browser, "floccinaucinihilipilification")
    assert browser.run(f"return document.querySelectorAll('{RESULTS}').length") == 0


def test_the_search_works_from_a_disk(browser):
    site_pages()
    browser.open(SITE / "index.html", 1600, 900)
    search(browser, "checkpoint")
    assert "Checkpoints, resume, and more text" in browser.text("#search-results")


def test_links_of_the_navigation_lead_to_their_pages(browser, site):
    browser.open(f"{site}index.html", 1600, 900)
    for page in ("tutorial.html", "howto/layers.html", "reference/vectors.html", "step.html"):
        press(browser, f'.sidebar-tree a[href$="{page}"]')
        wait(browser, "location.pathname === arguments[0]", f"/{page}")
        assert browser.text(".sidebar-tree .current-page")
    press(browser, ".next-page")
    wait(browser, "location.pathname === '/design.html'")
    press(browser, ".toc-tree li li a")
    wait(browser, "location.hash.length > 1 && scrollY > 100")


def test_the_navigation_of_a_phone_opens_and_leads_on(browser, site):
    browser.open(f"{site}index.html", 400, 800)
    left = "document.querySelector('.sidebar-drawer').getBoundingClientRect().left"
    assert browser.run(f"return {left}") < 0
    press(browser, ".mobile-header .nav-overlay-icon")
    wait(browser, f"{left} === 0")
    press(browser, '.sidebar-tree a[href$="quickstart.html"]')
    wait(browser, "location.pathname === '/quickstart.html'")
    assert browser.text("h1").startswith("Quickstart")
    browser.check_quiet(site)
