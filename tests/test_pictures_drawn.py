"""Maps that matplotlib draws: letters that no font has are told, and labels do not overlap."""

import io
import re
import sys

import numpy as np
import pytest
from browser import check_drawn
from command import mistake, run
from conftest import import_or_skip
from test_pictures_page import HOSTILE

from embedlayer.errors import MissingLibraryError
from embedlayer.pictures import fonts, neighbourhoods, word_map
from embedlayer.pictures.placing import placed_labels
from embedlayer.vectors.vectors import Vectors

import_or_skip("matplotlib")

WORDS = ["the", "king", "naïve", "слово", "c$x$", "a_b", "--", "_under"]


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(3)
    words = WORDS + [f"w{i}" for i in range(len(WORDS), 120)]
    return Vectors(words, rng.standard_normal((120, 6)), np.arange(120, 0, -1))


def pixels(path) -> np.ndarray:
    from matplotlib.image import imread

    return (imread(io.BytesIO(path.read_bytes()))[..., :3] * 255).astype(np.uint8)


def texts(path) -> list[str]:
    """The texts of an .svg, which stand in comments beside their outlines."""
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


def test_a_png_is_drawn_and_the_same_vectors_give_the_same(vectors, tmp_path):
    for name in ("one.png", "two.png"):
        word_map(vectors).save(tmp_path / name)
    drawn = pixels(tmp_path / "one.png")
    assert drawn.shape == (1200, 1650, 3)
    check_drawn(drawn, 20_000)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_an_svg_has_the_words_as_they_are_spelt(vectors, tmp_path):
    labels = {"king": "_person", "the": "article"}
    word_map(vectors, labels=labels, title="Two & <three>").save(tmp_path / "map.svg")
    found = texts(tmp_path / "map.svg")
    assert {"the", "king", "naïve", "слово", "c$x$", "a_b", "- -", "_under"} <= {*found}
    assert {"article", "\u200b_person", "no label", "Two &amp; &lt;three&gt;"} <= {*found}
    word_map(vectors, labels=labels, title="Two & <three>").save(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "map.svg").read_bytes()


def test_analogies_and_neighbourhoods_are_drawn(vectors, tmp_path):
    made = word_map(vectors, 20, analogies=[("the", "king", "w9")])
    made.save(tmp_path / "analogy.png")
    word_map(vectors, 20).save(tmp_path / "plain.png")
    reddish = [
        (one[..., 0] > one[..., 2].astype(int) + 80).sum()
        for one in (pixels(tmp_path / "analogy.png"), pixels(tmp_path / "plain.png"))
    ]
    assert reddish[0] > 1000 > reddish[1] == 0
    neighbourhoods(vectors, "the", "king", 60).save(tmp_path / "two.svg")
    assert {"Around the", "Around king", "in both", "in one"} <= {*texts(tmp_path / "two.svg")}


def test_a_letter_that_no_font_has_is_told_with_the_package_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lost = "a\U000e0101\ue123"  # private letters
    Vectors(["known", lost], np.eye(2)).save("v.safetensors")
    done = run("plot", "v.safetensors", "-o", "map.svg")
    warning, _ = done.stderr.splitlines()
    assert warning.startswith(f"no font here has all letters of {lost}: these points are drawn")
    assert "apt-get install fonts-noto-core, or make an .html" in warning
    found = texts(tmp_path / "map.svg")
    assert "known" in found
    assert lost not in found


@pytest.mark.parametrize(
    ("letter", "package"),
    [
        *(("서", "fonts-noto-cjk"), ("日", "fonts-noto-cjk"), ("か", "fonts-noto-cjk")),
        *(("😀", "fonts-symbola"), ("☃", "fonts-symbola"), ("ש", "fonts-noto-core")),
        ("ก", "fonts-noto-core"),
    ],
)
def test_each_letter_has_a_package(letter, package):
    assert fonts.package_for(letter) == package


def test_fonts_are_chosen_for_the_letters_that_are_there():
    assert fonts.fonts_for(["king", "\u200d\ufe0f"]) == (["DejaVu Sans"], frozenset())
    found = fonts.fonts_for(["king", "서울", "か", "😀"])
    assert found.families[0] == "DejaVu Sans"  # which has faces among the emoji, but no Korean
    if found.missing:
        pytest.skip("no font with Korean and Japanese: apt-get install fonts-noto-cjk")
    assert len(found.families) == 2
    assert found.can_draw("서울😀")


def test_korean_letters_are_drawn_and_are_no_boxes(tmp_path):
    if fonts.fonts_for(["서울강"]).missing:
        pytest.skip("no font with Korean: apt-get install fonts-noto-cjk")
    pictures = []
    for i, pair in enumerate((["서울", "도시"], ["강물", "바다"])):
        word_map(Vectors(pair, np.eye(2)), title="t").save(tmp_path / f"{i}.png")
        pictures.append(pixels(tmp_path / f"{i}.png"))
    assert (pictures[0] != pictures[1]).any(axis=-1).sum() > 200  # boxes would be the same


def test_hostile_words_are_drawn_without_a_warning(tmp_path):
    """Those without letters that a font has excepted, which are told."""
    for i, words in enumerate((HOSTILE, ["one"], ["a", "b"])):
        matrix = np.random.default_rng(0).standard_normal((len(words), 3))
        word_map(Vectors(words, matrix), title=HOSTILE[0]).save(tmp_path / f"{i}.png")
        check_drawn(pixels(tmp_path / f"{i}.png"), 500)


def test_labels_take_the_first_side_that_is_free():
    points = np.array([[50, 50], [50, 50], [50, 50], [50, 50], [50, 50], [2, 90]], float)
    places = placed_labels(points, np.array([[20, 6]] * 6, float), [4] * 6, (100, 100), 1)
    assert places == {0: (54, 50), 1: (26, 50), 2: (40, 57), 3: (40, 43), 5: (6, 90)}


def test_many_labels_are_apart_and_inside():
    rng = np.random.default_rng(0)
    points, sizes = rng.uniform(0, 500, (400, 2)), rng.uniform(8, 60, (400, 2)) * [1, 0.3]
    places = placed_labels(points, sizes, [3] * 400, (500, 500), 2)
    assert 50 < len(places) < 400
    assert 0 in places
    boxes = [
        (x, y - h / 2, x + w, y + h / 2) for i, (x, y) in places.items() for w, h in [sizes[i]]
    ]
    left, bottom, right, top = np.array(boxes).T
    meets = (left[:, None] < right) & (left < right[:, None])
    meets &= (bottom[:, None] < top) & (bottom < top[:, None])
    assert (meets == np.eye(len(boxes), dtype=bool)).all()
    assert min(left.min(), bottom.min()) >= 0
    assert max(right.max(), top.max()) <= 500


def test_without_matplotlib_the_extra_is_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'embedlayer\[plot\]'"):
        word_map(Vectors(["a"], [[1.0]])).save(tmp_path / "map.png")
    wanted = "matplotlib is not installed: pip install 'embedlayer[plot]'"
    assert mistake("plot", "absent.safetensors", "-o", tmp_path / "map.svg") == wanted
    word_map(Vectors(["a"], [[1.0]])).save(tmp_path / "map.html")  # which needs none
    assert [one.name for one in tmp_path.iterdir()] == ["map.html"]
