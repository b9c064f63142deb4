"""A map in Chromium: it is drawn, words are found, neighbours shown, and nothing is asked for."""

import numpy as np
import pytest
from browser import check_drawn
from test_pictures_page import HOSTILE

from embedlayer.pictures import neighbourhoods, word_map
from embedlayer.vectors.vectors import Vectors

SIZE, DIM = 300, 8
NAMES = ["king", "kingdom", "viking", "서울", "日本", "😀", "שלום", "</script>"]
MAP = "document.querySelector('.word-map').wordMap"
SEARCH = """
const box = document.querySelector('.map-search input');
box.value = arguments[0];
box.dispatchEvent(new Event('input'));
box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
"""
SETTLED = """
const done = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)));
"""


@pytest.fixture(scope="module")
def vectors():
    words = NAMES + [f"w{i}" for i in range(len(NAMES), SIZE)]
    matrix = np.random.default_rng(2).standard_normal((SIZE, DIM))
    return Vectors(words, matrix, np.arange(SIZE, 0, -1) ** 2)


@pytest.fixture(scope="module")
def map_file(vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.html"
    word_map(vectors).save(path)
    return path


def settle(browser) -> None:
    browser.driver.execute_async_script(SETTLED)


def on_screen(browser, word: str) -> list[float]:
    """Where a word lies, in CSS pixels of the window."""
    return browser.run(
        f"const map = {MAP}, i = map.words.indexOf(arguments[0]);"
        "const box = map.surface.getBoundingClientRect();"
        "return [box.left + map.camera.screenX(map.x[i]), box.top + map.camera.screenY(map.y[i])]",
        word,
    )


def pointer(browser, kind: str, x: float, y: float, **more) -> None:
    event = {"type": kind, "x": x, "y": y, **more}
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    settle(browser)


def search(browser, text: str) -> str:
    browser.run(SEARCH, text)
    settle(browser)
    return browser.text(".map-status")


@pytest.mark.parametrize(("width", "height"), [(400, 800), (1600, 900)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_map_is_drawn_and_can_be_read(browser, map_file, width, height, dark):
    browser.open(map_file, width, height, dark)
    settle(browser)
    pixels = browser.pixels()
    assert pixels.shape == (height, width, 3)
    x0, y0, wide, high = browser.run(
        f"const box = {MAP}.surface.getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    assert (x0, wide, y0 + high) == (0, width, height)  # it fills the window below its title
    middle = pixels[int(y0 + high / 4) : int(y0 + 3 * high / 4)]
    check_drawn(middle, 1500)
    ground = np.median(pixels.reshape(-1, 3), axis=0).mean()
    assert ground < 60 if dark else ground > 200
    assert browser.text("h1") == "A map of words"
    assert browser.text(".map-legend").split("\n")[-2:] == ["1", "90,000"]
    letters = browser.run("return parseFloat(getComputedStyle(document.body).fontSize)")
    assert letters >= 14
    browser.check_fits()
    browser.check_quiet()


def test_no_labels_overlap_at_any_scale_and_none_goes(browser, map_file):
    browser.open(map_file)
    boxes = browser.run(
        f"const {{ labels }} = {MAP}, found = [];"
        "for (const level of [0, 4, 8, 16, 40]) {"
        "  labels.prepare(level); const scale = labels.least * LEVEL ** level;"
        "  found.push([...labels.since.keys()].filter((i) => labels.since[i] <= level).map((i) => {"
        "    const left = labels.x[i] * scale + labels.right[i];"
        "    const middle = labels.y[i] * scale + labels.up[i], half = labels.sizes[i] / 2;"
        "    return [left, middle - half, left + labels.widths[i], middle + half];"
        "  }));"
        "}"
        "return found;"
    )
    sizes = [len(at) for at in boxes]
    assert sizes == sorted(sizes)
    assert 10 < sizes[0] < SIZE
    assert sizes[-1] == SIZE
    for at in boxes:
        left, bottom, right, top = np.array(at).T
        meets = (left[:, None] < right) & (left < right[:, None])
        meets &= (bottom[:, None] < top) & (bottom < top[:, None])
        assert (meets == np.eye(len(at), dtype=bool)).all()


def test_a_word_that_is_searched_comes_to_the_middle(browser, map_file):
    browser.open(map_file, 1000, 700)
    assert search(browser, "king") == "1 of 3 · Enter: the next"
    box = browser.run(
        f"const box = {MAP}.surface.getBoundingClientRect();"
        "return [box.left + box.width / 2, box.top + box.height / 2]"
    )
    for word in (
        "king",
        "kingdom",
        "viking",
        "king",
    ):  # itself, one that begins so, one that has it
        assert on_screen(browser, word) == pytest.approx(box, abs=1)
        assert browser.text(".map-card h3") == word
        browser.run(SEARCH, "king")
        settle(browser)
    for word in ("서울", "😀", "שלום", "</script>"):
        assert search(browser, word) == "1 of 1"
        assert browser.text(".map-card h3") == word
    browser.check_quiet()


def test_a_word_that_is_not_there_is_told_with_those_that_are_meant(browser, map_file):
    browser.open(map_file)
    assert search(browser, "knig") == "“knig” is not on this map. Did you mean king?"
    browser.run("document.querySelector('.map-status button').click()")
    assert browser.text(".map-card h3") == "king"
    assert search(browser, "서운") == "“서운” is not on this map. Did you mean 서울?"
    assert search(browser, "<b>zzzz</b>") == "“<b>zzzz</b>” is not on this map."
    assert browser.run("return document.querySelector('.map-card').hidden")
    assert browser.run("return document.querySelectorAll('.map-status b').length") == 0


def test_a_pointer_over_a_word_shows_its_neighbours(browser, map_file, vectors):
    browser.open(map_file, 1000, 700)
    search(browser, "viking")
    x, y = on_screen(browser, "viking")
    search(browser, "")
    before = browser.pixels()
    pointer(browser, "mouseMoved", x, y)
    wanted = vectors.nearest("viking", 8)
    card = browser.text(".map-card").split("\n")
    assert card[0] == "viking"
    assert card[1] == f"{(SIZE - 2) ** 2:,} times"
    assert card[-16:] == [one for word, cosine in wanted for one in (word, f"{cosine:.2f}")]
    lines = (browser.pixels()[:, :700] != before[:, :700]).any(axis=-1)  # left of the card
    assert lines.sum() > 500
    pointer(browser, "mouseMoved", x, 5)
    assert browser.run("return document.querySelector('.map-card').hidden")
    browser.check_quiet()


def test_a_tap_keeps_the_card_and_a_neighbour_leads_on(browser, map_file, vectors):
    browser.open(map_file, 400, 800)
    x, y = on_screen(browser, "king")
    for kind in ("mousePressed", "mouseReleased"):
        pointer(browser, kind, x, y, button="left", clickCount=1)
    pointer(browser, "mouseMoved", 390, 100)
    chosen = browser.text(".map-card h3")
    browser.run("document.querySelector('.map-card li button').click()")
    settle(browser)
    assert browser.text(".map-card h3") == vectors.nearest(chosen, 1)[0][0]
    browser.run("document.querySelector('.map-close').click()")
    assert browser.run("return document.querySelector('.map-card').hidden")


def test_wheel_drag_buttons_and_keys_move_the_map(browser, map_file):
    browser.open(map_file, 1000, 700)
    view = f"const {{ scale, middleX, middleY }} = {MAP}.camera; return [scale, middleX, middleY]"
    whole = browser.run(view)
    before = on_screen(browser, "king")
    pointer(browser, "mouseWheel", *before, deltaX=0, deltaY=-200)
    assert browser.run(view)[0] == pytest.approx(whole[0] * np.exp(0.32), rel=1e-6)
    place = on_screen(browser, "king")
    assert place == pytest.approx(before, abs=1)  # it stays under the pointer, to a pixel
    pointer(browser, "mousePressed", 500, 400, button="left", clickCount=1)
    pointer(browser, "mouseMoved", 530, 380, button="left", buttons=1)
    pointer(browser, "mouseReleased", 530, 380, button="left")
    assert on_screen(browser, "king") == pytest.approx([place[0] + 30, place[1] - 20], abs=0.01)
    browser.run("document.querySelector('.map-buttons button:last-child').click()")
    settle(browser)
    assert browser.run(view) == pytest.approx(whole)
    surface = browser.driver.find_element("css selector", ".map-surface")
    surface.send_keys("+")
    settle(browser)
    assert browser.run(view)[0] == pytest.approx(1.4 * whole[0])
    surface.send_keys("0")
    settle(browser)
    surface.send_keys("\ue014")  # the arrow to the right
    settle(browser)
    assert on_screen(browser, "king") == pytest.approx([before[0] - 60, before[1]], abs=0.01)
    surface.send_keys("/")
    assert browser.run("return document.activeElement.type") == "search"


def test_everything_has_a_name_and_can_be_reached_by_keys(browser, map_file):
    browser.open(map_file)
    search(browser, "king")
    browser.run("document.querySelector('.map-search input').focus()")
    nameless = browser.run(
        "return [...document.querySelectorAll('button, input, [role=application]')]"
        ".filter((one) => !(one.ariaLabel || one.innerText.trim())).length"
    )
    assert nameless == 0
    assert "Arrow keys move it" in browser.run(
        "return document.querySelector('[role=application]').ariaLabel"
    )
    reached = browser.run(
        "return [...document.querySelectorAll('button, input, [tabindex]')]"
        ".filter((one) => one.tabIndex < 0).length"
    )
    assert reached == 0


def test_labels_colour_words_and_one_stands_out(browser, vectors, tmp_path):
    labels = {f"w{i}": f"group {i % 12}" for i in range(8, SIZE)} | {"w8": "<i>"}
    path = tmp_path / "map.html"
    word_map(vectors, labels=labels).save(path)
    browser.open(path, 1000, 700)
    rows = browser.text(".map-legend").split("\n")
    assert rows[-2:] == ["5 more", "no label"]
    assert len(rows) == 10
    browser.run("document.querySelector('.map-legend button').click()")
    quiet = browser.run(f"const map = {MAP}; return [...map.quiet].filter((one) => one).length")
    assert quiet == SIZE - sum(label == rows[0] for label in labels.values())
    browser.check_quiet()


def test_an_analogy_is_a_parallelogram_and_its_words_have_labels(browser, tmp_path):
    words = ["man", "woman", "king", "queen"]
    royal = Vectors(words, np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1.0]]))
    path = tmp_path / "map.html"
    word_map(royal, analogies=[("man", "woman", "king")]).save(path)
    browser.open(path, 1000, 700)
    settle(browser)
    (x1, y1), (x2, y2) = on_screen(browser, "king"), on_screen(browser, "queen")
    pixel = browser.pixels()[round((y1 + y2) / 2), round((x1 + x2) / 2)]  # on the arrow
    assert pixel[0] > pixel[2] + 50
    assert browser.run(f"const map = {MAP}; return [...map.labels.since]") == [0, 0, 0, 0]
    browser.check_quiet()


def test_two_neighbourhoods_stand_side_by_side_or_one_above_the_other(browser, vectors, tmp_path):
    path = tmp_path / "two.html"
    neighbourhoods(vectors, "king", "서울", 20).save(path)
    boxes = (
        "return [...document.querySelectorAll('.word-map')].map((one) => {"
        "const box = one.getBoundingClientRect(); return [box.left, box.top, box.width]})"
    )
    browser.open(path, 1600, 900)
    left, right = browser.run(boxes)
    assert left[1] == right[1]
    assert right[0] >= left[0] + left[2]
    browser.check_fits()
    browser.open(path, 400, 800)
    first, second = browser.run(boxes)
    assert first[0] == second[0]
    assert second[1] > first[1] + 300
    browser.check_fits()
    browser.check_quiet()


@pytest.mark.parametrize(
    "made",
    [
        Vectors(HOSTILE, np.random.default_rng(0).standard_normal((len(HOSTILE), 3))),
        Vectors(["one"], [[1.0]]),
        Vectors(["a", "b"], [[1.0, 0], [0, 1]]),
        Vectors(["a", "b", "c"], np.ones((3, 2))),
    ],
    ids=["hostile", "one word", "two words", "all the same"],
)
def test_a_map_of_nearly_nothing_is_still_a_map(browser, made, tmp_path):
    path = tmp_path / "map.html"
    word_map(made, title=HOSTILE[0]).save(path)
    browser.open(path)
    settle(browser)
    check_drawn(browser.pixels()[60:], 200)
    assert browser.text("h1") == HOSTILE[0]
    for word in made.words:
        if word.strip("\ufeff \r\n\0\ud800"):  # what a search box and the driver can be given
            assert "1 of" in search(browser, word)
    assert np.isfinite(browser.run(f"return {MAP}.camera.scale"))
    browser.check_fits()
    browser.check_quiet()
