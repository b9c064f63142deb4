"""Word mover's distance: the cheapest way to carry the words of one text to those of another."""

import numpy as np

from embedlayer.errors import EmbedlayerError


def cheapest_transport(cost: np.ndarray, supply: np.ndarray, demand: np.ndarray) -> float:
    """The least cost at which all of ``supply`` becomes ``demand``: a linear program, by HiGHS.

    Kusner et al., "From word embeddings to document distances", ICML 2015.

    Args:
        cost: float64, (n, m): of carrying a unit from i to j.
        supply, demand: float64, (n,) and (m,), of one sum.
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    n, m = cost.shape
    leaves = kron(eye_array(n), np.ones((1, m)))
    arrives = kron(np.ones((1, n)), eye_array(m))
    # The last equation follows from the others; rounding would make it contradict them.
    equations = vstack([leaves, arrives]).tocsr()[:-1]
    amounts = np.concatenate([supply, demand])[:-1]
    found = linprog(cost.reshape(-1), A_eq=equations, b_eq=amounts, method="highs")
    if found.status != 0:
        raise EmbedlayerError(f"no distance was found: {found.message}")
    return float(found.fun)
