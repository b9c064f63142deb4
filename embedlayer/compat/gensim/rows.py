"""What gensim's KeyedVectors holds: keys, a row and attributes for each; all of it may change."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.compat.gensim.errors import NoAttributeError, refuse
from embedlayer.compat.gensim.keys import is_key, numbers, several
from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.options import Whole
from embedlayer.storage.alike import did_you_mean
from embedlayer.vectors.vectors import Vectors

# Names of gensim 3, and what gensim 4 and this package have in their place.
RENAMED = {
    "vocab": "key_to_index, get_vecattr(key, 'count')",
    "index2word": "index_to_key",
    "index2entity": "index_to_key",
    "syn0": "vectors",
    "syn0norm": "get_normed_vectors()",
    "vectors_norm": "get_normed_vectors()",
    "words_closer_than": "closer_than",
}


class Rows:
    """Keys, the rows of a matrix, and attributes of each key.

    Args:
        vector_size: D.
        count: 0; room is made when rows are added.
        dtype: of the matrix.
        mapfile_path: None.

    Attributes:
        index_to_key: the V keys, in the order of the rows.
        key_to_index: the row of each key.
        expandos: attribute → an array (V,): ``count`` and others.
        vectors: dtype, (V, D). After rows were changed in place, ``fill_norms(force=True)`` makes
            searches see it.
        vectors_lockf: float32, (1,) or (V,): ones. gensim locks rows by zeros; that is not done.
    """

    _norms: np.ndarray | None
    _view: Vectors | None

    def __init__(
        self, vector_size: int, count: int = 0, dtype: Any = np.float32, mapfile_path: None = None
    ) -> None:
        if count:
            refuse("count", count, "leave it out; add_vectors makes room for all rows it is given")
        if mapfile_path is not None:
            refuse("mapfile_path", mapfile_path, "keep a file by save")
        self.vector_size = Whole().checked("vector_size", vector_size)
        self.index_to_key: list[str] = []
        self.key_to_index: dict[str, int] = {}
        self.expandos: dict[str, np.ndarray] = {}
        self.vectors = np.zeros((0, self.vector_size), dtype)
        self.vectors_lockf = np.ones(1, np.float32)

    def __getattr__(self, name: str) -> Any:
        if name in RENAMED:
            raise NoAttributeError(f"{name} was gensim 3's: use {RENAMED[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def vectors(self) -> np.ndarray:
        return self._vectors

    @vectors.setter
    def vectors(self, matrix: np.ndarray) -> None:
        given = to_numpy(matrix)
        if given.ndim != 2 or len(given) != len(self.index_to_key):
            raise EmbedlayerError(
                f"vectors are {given.shape}, but there are {len(self.index_to_key)} keys"
            )
        self._vectors = given
        self.vector_size = self._vectors.shape[1]
        self.fill_norms(force=True)

    @property
    def norms(self) -> np.ndarray:
        """float32, (V,): the length of each row."""
        if self._norms is None:
            self._norms = np.linalg.norm(self._vectors.astype(np.float32, copy=False), axis=1)
        return self._norms

    def check_unlocked(self) -> None:
        """Refuse rows that are locked against training."""
        if not (np.asarray(self.vectors_lockf) == 1).all():
            refuse("vectors_lockf", "…", "rows cannot be locked; leave it at ones")

    def fill_norms(self, force: bool = False) -> None:
        """Forget, if ``force``, what was computed of the rows before they changed."""
        if force:
            self._norms = self._view = None

    def as_vectors(self) -> Vectors:
        """These keys and rows as ``embedlayer.Vectors``, made anew after a change."""
        if self._view is None:
            self._view = Vectors(self.index_to_key, self._vectors, self.expandos.get("count"))
        return self._view

    def get_normed_vectors(self) -> np.ndarray:
        """float32, (V, D): the rows at length 1."""
        return to_numpy(self.as_vectors().unit())

    def unit_normalize_all(self) -> None:
        """Make the rows themselves of length 1."""
        self.vectors = self.get_normed_vectors().astype(self._vectors.dtype)

    def init_sims(self, replace: bool = False) -> None:
        """Gensim 3's; with ``replace`` :meth:`unit_normalize_all`."""
        if replace:
            self.unit_normalize_all()

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key)

    def __getitem__(self, key_or_keys: Any) -> np.ndarray:
        """A copy of a key's row, (D,), or of the rows of several keys, (n, D)."""
        if is_key(key_or_keys):
            return self.get_vector(key_or_keys)
        return self._vectors[self.indices(several(key_or_keys))]

    def __setitem__(self, keys: Any, weights: Any) -> None:
        """Set the rows of one key or several, new ones included."""
        self.add_vectors(keys, weights, replace=True)

    def has_index_for(self, key: object) -> bool:
        """Whether a key, or the number of a row, is there."""
        return is_key(key) and self.get_index(key, -1) >= 0

    def get_index(self, key: Any, default: int | None = None) -> int:
        """The row of a key; UnknownWordError (a KeyError) where none is, without a default."""
        row = self.key_to_index.get(key) if isinstance(key, str) else None
        if row is None and isinstance(key, int | np.integer) and 0 <= key < len(self):
            row = int(key)
        row = default if row is None else row
        if row is None:
            raise UnknownWordError(
                f"key {key!r} is not among these {len(self):,}",
                partial(did_you_mean, key, self.index_to_key, self.key_to_index),
            )
        return row

    def indices(self, keys: Iterable[Any]) -> np.ndarray:
        """int64, (n,): the rows of keys; UnknownWordError for one that is not there."""
        return np.array([self.get_index(key) for key in keys], np.int64)

    def get_vector(self, key: Any, norm: bool = False) -> np.ndarray:
        """A copy of a key's row, (D,); with ``norm`` at length 1, float32."""
        row = self.get_index(key)
        return to_numpy(self.as_vectors().unit()[row]).copy() if norm else self._vectors[row].copy()

    def word_vec(self, key: Any, norm: bool = False) -> np.ndarray:
        """Gensim 3's name of :meth:`get_vector`."""
        return self.get_vector(key, norm)

    def add_vector(self, key: str, vector: Any) -> int:
        """Add a key, unless it is there already; the row it has."""
        self.add_vectors([key], [vector])
        return self.get_index(key)

    def add_vectors(
        self,
        keys: Any,
        weights: Any,
        extras: dict[str, np.ndarray] | None = None,
        replace: bool = False,
    ) -> None:
        """Add keys, their rows and attributes; nothing changes where one of them does not fit.

        Args:
            keys: one key, or n.
            weights: (D,), or (n, D).
            extras: attribute → array (n,).
            replace: set the rows and attributes of keys that are there already, too.

        Raises:
            EmbedlayerError: keys that are no strings, arrays whose shapes do not fit.
        """
        names = [keys] if isinstance(keys, str) else several(keys)
        if not all(isinstance(name, str) for name in names):
            raise EmbedlayerError(f"keys are strings: {names!s:.60}")
        shape = (len(names), self.vector_size)
        values = numbers("weights", weights, self._vectors.dtype, shape)
        given = {attr: to_numpy(array) for attr, array in (extras or {}).items()}
        for attr, array in given.items():
            if array.shape[:1] != (len(names),):
                raise EmbedlayerError(f"extras: {attr} is {array.shape}, for {len(names)} keys")
        new = [name for name in dict.fromkeys(names) if name not in self.key_to_index]
        last = {name: place for place, name in enumerate(names)}
        first_new = len(self)
        self._grow(new)
        changed = last if replace else {name: last[name] for name in new}
        rows, places = self.indices(changed), list(changed.values())
        self._vectors[rows] = values[places]
        for attr, array in given.items():
            self._attribute(attr, array.dtype)[rows] = array[places]
        if replace or len(self) > first_new:
            self.fill_norms(force=True)

    def replace_all(self, keys: Sequence[str], vectors: np.ndarray, counts: np.ndarray) -> None:
        """Set keys, rows and counts, and drop all other attributes."""
        self.index_to_key = list(keys)
        self.key_to_index = {key: row for row, key in enumerate(self.index_to_key)}
        self.expandos = {"count": np.array(counts)}
        self.vectors = vectors

    def allocate_vecattrs(self, attrs: Sequence[str] = (), types: Sequence[Any] = ()) -> None:
        """Make attributes, zeros at first, where they are not there yet."""
        for attr, kind in zip(attrs, types, strict=True):
            self._attribute(attr, kind)

    def set_vecattr(self, key: Any, attr: str, val: Any) -> None:
        """Set an attribute of a key; the first value given tells the type of the attribute."""
        self._attribute(attr, type(val))[self.get_index(key)] = val

    def get_vecattr(self, key: Any, attr: str) -> Any:
        """An attribute of a key; KeyError where no key has it."""
        return self.expandos[attr][self.get_index(key)]

    def _grow(self, new: list[str]) -> None:
        size = len(self) + len(new)
        for name in new:
            self.key_to_index[name] = len(self.index_to_key)
            self.index_to_key.append(name)
        self._vectors = np.vstack(
            [self._vectors, np.zeros_like(self._vectors, shape=(len(new), self.vector_size))]
        )
        for attr, array in self.expandos.items():
            self.expandos[attr] = np.concatenate(
                [array, np.zeros_like(array, shape=size - len(array))]
            )

    def _attribute(self, attr: str, kind: Any) -> np.ndarray:
        if attr not in self.expandos:
            plain = kind if np.dtype(kind).kind in "biuf" else object
            self.expandos[attr] = np.zeros(len(self), plain)
        return self.expandos[attr]
