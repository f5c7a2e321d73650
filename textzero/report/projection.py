"""Words on a plane: principal components by NumPy, t-SNE by scikit-learn where it is installed.

The same rows give the same bytes: signs are chosen, the start is the principal components, and
t-SNE runs in one thread, since a sum over threads depends on their order.

Source: van der Maaten, Hinton, "Visualizing data using t-SNE", JMLR 9, 2008; the start from
principal components after Kobak, Berens, Nature Communications 10, 2019.
"""

import numpy as np

from textzero._compat import Array, has_package
from textzero.vectors.rows import NUMBERS

FITTED = 5000  # rows that t-SNE places; the others stand among them
_PERPLEXITY = 30
_STEPS = 500
_AT_ONCE = 4096


def has_tsne() -> bool:
    """Whether scikit-learn is installed."""
    return has_package("sklearn")


def principal_components(rows: Array, n: int = 2) -> tuple[Array, Array]:
    """Return the coordinates of rows on the axes along which they vary most, and what these hold.

    The sign of an axis is such that the row farthest from 0 is positive.

    Args:
        rows: float32 (n_rows, dim).
        n: How many axes; rows of fewer dimensions get zeros for the rest.

    Returns:
        coordinates: float32 (n_rows, n).
        shares: float64 (n,). Of the variance, from 0 to 1.
    """
    step = max(1, NUMBERS // max(rows.shape[1], 1))
    parts = [slice(start, start + step) for start in range(0, len(rows), step)]
    mean = sum(rows[part].sum(axis=0, dtype=np.float64) for part in parts) / max(len(rows), 1)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for part in parts:
        centred = rows[part] - mean
        covariance += centred.T @ centred
    values, basis = np.linalg.eigh(covariance)
    axes = np.zeros((rows.shape[1], n))
    known = min(n, rows.shape[1])
    axes[:, :known] = basis[:, ::-1][:, :known]
    coordinates = np.concatenate([(rows[part] - mean) @ axes for part in parts] or [axes[:0]])
    if len(rows):
        farthest = coordinates[np.abs(coordinates).argmax(axis=0), np.arange(n)]
        coordinates *= np.where(farthest < 0, -1, 1)
    shares = np.zeros(n)
    shares[:known] = np.maximum(values[::-1][:known], 0) / max(np.maximum(values, 0).sum(), 1e-300)
    return coordinates.astype(np.float32), shares


def tsne(rows: Array, start: Array, seed: int = 0) -> Array:
    """Return places at which rows that are near each other stay near, float32 (n_rows, 2).

    Args:
        rows: float32 (n_rows, dim), at least 4, of length 1: their distances go by cosines.
        start: float32 (n_rows, 2), such as the principal components.
        seed: Of what is drawn at random.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    if not has_tsne():
        raise ImportError(
            "t-SNE needs the package scikit-learn: pip install 'textzero[report]', or leave it out"
        )
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    spread = float(np.std(start[:, 0])) or 1.0
    model = TSNE(
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3), max_iter=_STEPS, random_state=seed,
        init=(start / spread * 1e-4).astype(np.float32), learning_rate="auto",
    )  # fmt: skip
    with threadpool_limits(1):
        return np.asarray(model.fit_transform(np.asarray(rows)), np.float32)


def placed_among(places: Array, nearest: Array, similarities: Array) -> Array:
    """Return where further rows stand: among those three of their neighbours that are closest.

    Closest to each other on the plane: a mean over neighbours in far places would be in none.

    Args:
        places: float32 (n_placed, 2).
        nearest: int64 (n_rows, k). Placed rows near each.
        similarities: float32 (n_rows, k). Their cosines; the weights are the cubes of them.

    Returns:
        float32 (n_rows, 2).
    """
    placed = np.empty((len(nearest), 2), np.float32)
    for start in range(0, len(nearest), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        near = places[nearest[rows]].astype(np.float64)
        apart = ((near[:, :, None] - near[:, None]) ** 2).sum(axis=-1)
        company = np.argsort(apart, axis=2, kind="stable")[:, :, :3]  # itself among them
        spread = np.take_along_axis(apart, company, 2).sum(axis=-1)
        tightest = spread.argmin(axis=1)[:, None, None]
        chosen = np.take_along_axis(company, tightest, 1)[:, 0]
        weights = np.take_along_axis(similarities[rows].astype(np.float64), chosen, 1)
        weights = np.maximum(weights, 1e-3) ** 3
        weights /= weights.sum(axis=1, keepdims=True)
        stand = np.take_along_axis(near, chosen[:, :, None], 1)
        placed[rows] = (stand * weights[:, :, None]).sum(axis=1)
    return placed
