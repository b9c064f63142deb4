"""A page in one file: styles, scripts and data are inside it, and it asks nothing of anyone.

A Content-Security-Policy names the styles and scripts of the page by their digests and forbids all
else: nothing is fetched, and no other script runs, whatever words and titles hold.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError

COMMON_STYLE, COMMON_SCRIPT = "page.css", "page.js"  # of every page
# What ends a script in HTML, or a line in JavaScript, and halves of pairs, which UTF-8 cannot hold.
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
DTYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")  # JavaScript's
PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="embedlayer">
<link rel="icon" href="data:,">
<title>{title}</title>
{styles}
</head>
<body>
{body}
<script type="application/json" id="page-data">{data}</script>
{scripts}
</body>
</html>
"""


def page(
    title: str,
    *,
    body: str,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    language: str = "en",
) -> str:
    """A whole HTML page, light or dark as the reader's system is.

    Args:
        title: a text; it is escaped here.
        body: HTML, in which the caller has escaped (``html.escape``) what is a text. Attributes
            ``style`` and ``on…`` have no effect: the page's policy forbids them.
        styles, scripts: names of files in ``assets/``, in their order, behind ``page.css`` and
            ``page.js``, which every page has.
        data: what the scripts find in ``pageData``: what JSON can hold, and NumPy arrays of the
            dtypes in ``DTYPES``, which arrive as typed arrays, flat.
        language: of the page's own text, as in ``<html lang>``.

    Raises:
        EmbedlayerError: data that JSON cannot hold, an array of another dtype.
    """
    style_texts = [asset(name) for name in (COMMON_STYLE, *styles)]
    script_texts = [asset(name) for name in (COMMON_SCRIPT, *scripts)]
    return PAGE.format(
        title=html.escape(_whole(title)),
        language=html.escape(language),
        policy=_policy(style_texts, script_texts),
        styles="\n".join(f"<style>{text}</style>" for text in style_texts),
        body=_whole(body),
        data=as_script(data or {}),
        scripts="\n".join(f"<script>{text}</script>" for text in script_texts),
    )


def asset(name: str) -> str:
    """The text of a file in ``assets/``; its ends of lines are those that a browser sees."""
    text = files("embedlayer.pictures").joinpath("assets", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def as_script(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a ``<script>``, whatever its texts hold.

    Raises:
        EmbedlayerError: what JSON cannot hold, an array of a dtype that JavaScript has not.
    """
    try:
        text = json.dumps(
            data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_base64
        )
    except (TypeError, ValueError) as error:
        raise EmbedlayerError(f"a page holds what JSON can, and arrays: {error}") from None
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _as_base64(value: Any) -> dict[str, str]:
    """An array as ``page.js`` reads it."""
    if not isinstance(value, np.ndarray) or value.dtype.name not in DTYPES:
        kind = getattr(value, "dtype", type(value).__name__)
        raise TypeError(f"{kind} is neither, choose {', '.join(DTYPES)}")
    little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    return {"dtype": value.dtype.name, "base64": base64.b64encode(little.tobytes()).decode()}


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    return (
        f"default-src 'none'; style-src {_digests(styles)}; script-src {_digests(scripts)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digests(texts: Sequence[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _whole(text: str) -> str:
    """A text without halves of surrogate pairs, which no file in UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
