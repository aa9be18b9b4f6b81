"""The arrays that figures draw: reconstructions, codes, samples, grids, interpolations."""

from __future__ import annotations

import numpy as np

from vitral.core.randomness import draw, stream
from vitral.data import Data
from vitral.evaluation.baselines import Baselines
from vitral.evaluation.latent import codes
from vitral.model import Batch, Model

SHOWN = 10  # the first test images, not chosen
PAIRS = 3
FRAMES = 12
GRID = 15
PRIOR_MEANS, PRIOR_DRAWS = 40, 20

Arrays = dict[str, np.ndarray]


def of_data(data: Data, *, show_data: bool) -> Arrays:
    """Training samples (unless they are to stay private), test originals, and the pairs to interpolate."""
    arrays: Arrays = {"originals": data.test.take(slice(0, SHOWN))}
    if show_data:
        arrays["data_samples"] = data.train.take(slice(0, 16))
    if data.test.labels is not None:
        arrays |= {"originals_labels": data.test.labels[:SHOWN], "codes_labels": data.test.labels}
        if show_data:
            arrays["data_sample_labels"] = data.train.labels[:16]
    pairs = interpolation_pairs(data)
    if len(pairs) and data.test.labels is not None:
        arrays["pair_labels"] = data.test.labels[pairs]
    if len(pairs):
        arrays["pair_blend"] = np.stack([straight_path(*data.test.take(pair)) for pair in pairs])
    return arrays


def interpolation_pairs(data: Data) -> np.ndarray:
    """The first pairs of neighbouring test rows whose classes differ, (P, 2); any neighbours without labels."""
    labels = data.test.labels
    rows = np.arange(0, len(data.test) - 1, 2)
    if labels is not None:
        rows = rows[labels[rows] != labels[rows + 1]]
    return np.stack([rows, rows + 1], axis=1)[:PAIRS]


def of_model(model: Model, theta: np.ndarray, data: Data, *, seed: int, tsne_rows: int) -> Arrays:
    """Everything that the figures of one model draw, in float32."""
    arrays = _reconstructions(model, theta, data, seed) | _codes(model, theta, data, seed, tsne_rows)
    arrays |= _prior(model, theta, data, seed)
    if model.posterior.latent == 2 and data.contract.context is None:  # a grid of one class would not be the model's
        arrays |= _grids(model, theta)
    pairs = interpolation_pairs(data)
    if len(pairs):
        ends = [data.test.batch(pair, theta.dtype.name) for pair in pairs]
        arrays["interpolation"] = np.stack([interpolation(model, theta, pair) for pair in ends])
    return {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }


def reconstructions(model: Model, theta: np.ndarray, data: Data) -> np.ndarray:
    """The first test images through mu and back, (10, D): one row of the film strip over the epochs."""
    p, batch = model.views(theta), data.test.batch(slice(0, SHOWN), theta.dtype.name)
    mu, _ = model.encode(p, batch.inputs, batch.context)
    return model.decode(p, mu, batch.context).astype(np.float32)


def of_baselines(baselines: Baselines, data: Data, sizes: list[int]) -> Arrays:
    """The same images through PCA of each size."""
    x = data.test.take(slice(0, SHOWN), "float64")
    return {f"pca{k}_reconstructions": baselines.reconstruct(x, k).astype(np.float32) for k in sizes}


def _reconstructions(model: Model, theta: np.ndarray, data: Data, seed: int) -> Arrays:
    arrays = {"reconstructions": reconstructions(model, theta, data)}
    if model.posterior.has_density:
        batch = data.test.batch(slice(0, SHOWN), theta.dtype.name)
        arrays["reconstruction_draws"] = drawn_reconstructions(model, theta, batch, 3, seed)
    return arrays


def drawn_reconstructions(
    model: Model, theta: np.ndarray, batch: Batch, draws: int, seed: int
) -> np.ndarray:
    """Decoder means at z drawn from q(z given x), (draws, N, D)."""
    p, shapes = model.views(theta), model.posterior.noise_shapes(draws, len(batch.inputs))
    noise = draw(shapes, stream(seed, "figure draws"), theta.dtype.name)
    h = model.encoder_output(p, batch.inputs, batch.context)
    q, _ = model.posterior.sample(p.posterior, h, noise)
    return model.decode(p, q.z, batch.context)


def _codes(model: Model, theta: np.ndarray, data: Data, seed: int, tsne_rows: int) -> Arrays:
    mu, logvar = codes(model, theta, data.test)
    arrays = {"codes": mu} if logvar is None else {"codes": mu, "codes_logvar": logvar}
    if mu.shape[1] > 2:
        arrays["codes_pca"] = _principal_plane(mu)
        few = mu[:tsne_rows]
        if len(few) > 30 and apart(few):
            arrays["codes_tsne"] = tsne(few, seed)
            if data.test.labels is not None:
                arrays["codes_tsne_labels"] = data.test.labels[:tsne_rows]
    return arrays


def _principal_plane(mu: np.ndarray) -> np.ndarray:
    """The codes projected on their two first principal axes; signs fixed by the largest entry."""
    centred = mu - mu.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])
    return centred @ (axes[:2] * signs[:, None]).T


def apart(mu: np.ndarray) -> bool:
    """Whether codes differ at all: those of a collapsed model are one point, on which t-SNE breaks down."""
    spread = mu.std(axis=0, dtype=np.float64).max()
    return bool(spread > 1e-6 * max(1.0, np.abs(mu).max()))


def tsne(mu: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE in the plane; one thread, so that the same codes give the same picture."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        machine = TSNE(
            n_components=2, init="pca", random_state=seed % 2**32, perplexity=min(30.0, len(mu) / 4)
        )
        return machine.fit_transform(mu)


def _prior(model: Model, theta: np.ndarray, data: Data, seed: int) -> Arrays:
    """Decoder means and draws for z from the prior; those of a conditional model go through its classes in turn."""
    p, c = model.views(theta), _contexts(data, PRIOR_MEANS, theta.dtype.name)
    z = model.prior.sample(p, PRIOR_MEANS, stream(seed, "figure prior"), c).astype(theta.dtype)
    o = model.decoder_output(p, z, c)
    draws = model.likelihood.sample(p.likelihood, o[:PRIOR_DRAWS], stream(seed, "figure pixels"))
    return {"prior_means": model.likelihood.mean(p.likelihood, o), "prior_draws": draws}


def _contexts(data: Data, n: int, dtype: str) -> np.ndarray | None:
    """n contexts: each class in turn, or the side information of the first test rows."""
    condition = data.contract.context
    if condition is None:
        return None
    if condition.kind == "labels":
        label = np.resize(np.asarray(condition.classes), n)
        return condition.numbers((n,), label=label).astype(dtype)
    return data.test.batch(np.resize(np.arange(len(data.test)), n), dtype).context


def latent_axis(spacing: str, size: int = GRID) -> np.ndarray:
    """Ascending values of one latent dimension: "linear" on [-3, 3], or "quantile", of equal prior mass."""
    from scipy.special import ndtri

    return np.linspace(-3.0, 3.0, size) if spacing == "linear" else ndtri((np.arange(size) + 0.5) / size)


def _grids(model: Model, theta: np.ndarray) -> Arrays:
    linear, quantile = latent_axis("linear"), latent_axis("quantile")
    return {
        "grid_linear": latent_grid(model, theta, linear),
        "grid_linear_axis": linear,
        "grid_quantile": latent_grid(model, theta, quantile),
        "grid_quantile_axis": quantile,
    }


def latent_grid(
    model: Model, theta: np.ndarray, axis: np.ndarray, context: np.ndarray | None = None
) -> np.ndarray:
    """Decoder means over the plane, (n, n, D): z_1 grows to the right, z_2 upwards (the first row is the top).

    ``context`` (C,) is what a conditional model is given, the same for every image.
    """
    across, up = np.meshgrid(axis, axis[::-1])
    z = np.stack([across, up], axis=-1).astype(theta.dtype)
    return model.decode(model.views(theta), z, context)


def of_classes(model: Model, theta: np.ndarray, contexts: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Decoder means of ``count`` z for each of some contexts (R, C), (R, count, D).

    The random numbers of a column are the same in every row, so that what changes down a column is the context alone.
    """
    p, rows = model.views(theta), []
    for c in contexts:
        repeated = np.broadcast_to(c, (count, len(c)))
        z = model.prior.sample(p, count, stream(seed, "classes"), repeated).astype(theta.dtype)
        rows.append(model.decode(p, z, repeated))
    return np.stack(rows)


def interpolation(
    model: Model, theta: np.ndarray, ends: Batch, *, frames: int = FRAMES, context: np.ndarray | None = None
) -> np.ndarray:
    """Decoder means on the straight line between the codes of two rows, (frames, D).

    The context goes from that of the one to that of the other on a straight line too, unless one is given.
    """
    p = model.views(theta)
    mu, _ = model.encode(p, ends.inputs, ends.context)
    if context is None and ends.context is not None:
        context = straight_path(*ends.context, frames=frames)
    return model.decode(p, straight_path(*mu, frames=frames), context)


def straight_path(start: np.ndarray, end: np.ndarray, *, frames: int = FRAMES) -> np.ndarray:
    """The straight line between two points, both ends included, (frames, D)."""
    weights = np.linspace(0.0, 1.0, frames, dtype=start.dtype)[:, None]
    return (1.0 - weights) * start + weights * end
