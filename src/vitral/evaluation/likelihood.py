"""The objective, the ELBO and log p(x), each measured the same way on every split.

Every number is a mean over images with its standard error; z is sampled unless a name says ``at_mean``.
Derivation: docs/derivations/importance_sampling.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from vitral.core import arrays
from vitral.core.randomness import draw, stream
from vitral.data import Rows
from vitral.environment import cores, one_blas_thread
from vitral.errors import UsageError
from vitral.model import Batch, Model
from vitral.parts.objectives import Terms, log_weights

BLOCK = 1000  # rows evaluated together; noise belongs to the block, so never change it for speed
DECODINGS = 5000  # decodings whose noise is drawn together, where there are several draws of a row: likewise
CACHED = 500  # decodings computed together: few enough for the cache, and no number depends on it but by rounding
DRAWN = ("log_px", "log_pz", "log_qz", "z")  # terms with the draws on their first axis and the rows on the second


def per_image(
    model: Model,
    theta: np.ndarray,
    rows: Rows,
    objective: Any,
    *,
    seed: int,
    purpose: str,
    draws: int = 1,
    at_mean: bool = False,
) -> dict[str, np.ndarray]:
    """Each of loss, elbo, log_px, kl and sse for every row, (N,) in float64.

    ``loss`` is the objective without the likelihood's constant, with the ``samples`` of z that it is trained with;
    what rows pay together (free bits, a discrepancy) is measured over blocks of 1,000 rows. ``elbo`` has every
    constant and beta = 1, whatever the objective, and averages over all samples; ``sse`` is the squared distance to
    the mean of p(x given z). With ``draws`` > 1 they are averages over so many repetitions. A plain autoencoder has
    neither elbo nor kl: they are NaN. Where entries of a row are missing, all this is that of the others: entries
    are independent given z, so that leaving some out gives the marginal of the rest.
    """
    p, dtype = model.views(theta), theta.dtype.name

    def measured(number: int) -> dict[str, Any]:
        batch = rows.batch(slice(number * BLOCK, (number + 1) * BLOCK), dtype)
        drawn = 1 if at_mean else draws * objective.samples
        shapes = model.posterior.noise_shapes(drawn, len(batch.target))
        if at_mean:
            noise = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
        else:
            noise = draw(shapes, stream(seed, purpose, number), dtype)
        return _measure_block(model, p, batch, noise, objective, drawn)

    blocks = side_by_side(measured, range(-(-len(rows) // BLOCK)))
    return {name: np.concatenate([block[name] for block in blocks]).astype(np.float64) for name in blocks[0]}


def side_by_side(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """``function`` over independent blocks, a thread for each core and one BLAS thread each: same bits."""
    blocks = list(items)
    if len(blocks) < 2:
        with one_blas_thread():
            return list(map(function, blocks))
    setting = np.geterr()  # NumPy's error setting belongs to a thread

    def call(item: Any) -> Any:
        with np.errstate(**setting):
            return function(item)

    with one_blas_thread(), ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(call, blocks))


def _measure_block(
    model: Model, p: Any, batch: Batch, noise: dict[str, np.ndarray], objective: Any, drawn: int
) -> dict[str, Any]:
    terms, sse = _block_terms(model, p, batch, noise, max(CACHED // drawn, 1))
    log_px = terms.log_px.mean(axis=0)
    kl = np.full(len(batch.target), np.nan) if terms.kl is None else terms.kl.sum(axis=-1)
    if terms.kl is None and terms.log_qz is not None:
        kl = (terms.log_qz - terms.log_pz).mean(axis=0)
    observed = model.features if batch.mask is None else batch.mask.sum(axis=-1)
    losses = [objective.rows(some) for some in _repetitions(terms, objective.samples)]
    return {
        "loss": np.mean(losses, axis=0) - model.likelihood.constant(observed),
        "elbo": log_px - kl,
        "log_px": log_px,
        "kl": kl,
        "sse": sse,
    }


def _block_terms(
    model: Model, p: Any, batch: Batch, noise: dict[str, np.ndarray], height: int
) -> tuple[Terms, np.ndarray]:
    """The terms of a block and its squared errors, ``height`` rows at a time: K decodings of each need memory."""
    parts = []
    for some in (slice(start, start + height) for start in range(0, len(batch.target), height)):
        rows = Batch(*(None if array is None else array[some] for array in batch))
        terms, o, _ = model.run(p, rows, {name: eps[:, some] for name, eps in noise.items()})
        residual = rows.target - model.likelihood.mean(p.likelihood, o)
        if rows.mask is not None:
            residual *= rows.mask
        parts.append((terms, (residual * residual).sum(axis=-1).mean(axis=0)))
    together = {
        name: None
        if getattr(parts[0][0], name) is None
        else np.concatenate([getattr(terms, name) for terms, _ in parts], axis=1 if name in DRAWN else 0)
        for name in Terms._fields
    }
    return Terms(**together), np.concatenate([sse for _, sse in parts])


def _repetitions(terms: Terms, samples: int) -> Iterator[Terms]:
    """The terms of the first ``samples`` draws, of the next, ...; all of them where there are fewer."""
    for first in range(0, len(terms.log_px), samples):
        some = slice(first, first + samples)
        drawn = {name: getattr(terms, name) for name in DRAWN if getattr(terms, name) is not None}
        yield terms._replace(**{name: array[some] for name, array in drawn.items()})


def summary(values: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Mean and standard error over images of each quantity; None where it does not exist."""
    result: dict[str, float | None] = {}
    for name, of_images in values.items():
        exists = not np.isnan(of_images).any()
        result[name] = float(of_images.mean()) if exists else None
        result[f"{name}_se"] = standard_error(of_images) if exists else None
    return result


def standard_error(of_images: np.ndarray) -> float | None:
    """Sample standard deviation over the square root of the count; None for a single image."""
    if len(of_images) < 2:
        return None
    return float(of_images.std(ddof=1) / np.sqrt(len(of_images)))


def log_px_hat(model: Model, theta: np.ndarray, rows: Rows, *, samples: int, seed: int) -> np.ndarray:
    """Importance-sampled log p(x), (N,): log (1/K) Σ_k p(x given z_k) p(z_k) / q(z_k given x).    # E11

    ``samples`` is K, exactly; chunks of samples are combined by logsumexp, never averaged. The estimate
    is a lower bound in expectation, and rises to log p(x) with K (Burda et al. 2016, theorem 1).
    """
    if not model.posterior.has_density:
        raise UsageError("a plain autoencoder has no likelihood: importance sampling needs a VAE")
    if samples < 1:
        raise UsageError(f"importance samples must be at least 1, got {samples}")
    height = max(DECODINGS // samples, 1)
    return np.concatenate(
        side_by_side(
            lambda start: _estimate(model, theta, rows, slice(start, start + height), samples, seed),
            range(0, len(rows), height),
        )
    )


def _estimate(
    model: Model, theta: np.ndarray, rows: Rows, some: slice, samples: int, seed: int
) -> np.ndarray:
    """log p_hat of a few rows; the index of the first names their noise."""
    batch = rows.batch(some, theta.dtype.name)
    p, total = model.views(theta), np.full(len(batch.target), -np.inf)
    h = model.encoder_output(p, batch.inputs, batch.context)
    for first in range(0, samples, DECODINGS):
        shapes = model.posterior.noise_shapes(min(DECODINGS, samples - first), len(batch.target))
        noise = draw(shapes, stream(seed, "importance", some.start, first), theta.dtype.name)
        log_w = np.concatenate(list(_log_weights(model, p, h, batch, noise))).astype(np.float64)
        total = np.logaddexp(total, arrays.logsumexp(log_w, axis=0))
    return total - np.log(samples)


def log_px_by_row(
    model: Model, theta: np.ndarray, rows: Rows, *, samples: int, seed: int, bound: bool = False
) -> np.ndarray:
    """The same estimate, (N,), with one set of draws for all rows: a row's number depends on that row alone.

    Equal rows get equal numbers, whatever stands beside them and in whatever order, but for rounding; the errors of
    different rows are no longer independent. ``bound`` gives the ELBO instead, averaged over the draws.
    """
    if not model.posterior.has_density:
        raise UsageError("a plain autoencoder has no likelihood: scores need a posterior with a density")
    noise, height = shared_noise(model, samples, seed, theta.dtype), max(DECODINGS // samples, 1)

    def some(start: int) -> np.ndarray:
        batch = rows.batch(slice(start, start + height), theta.dtype.name)
        return _estimate_by_row(model, theta, batch, noise, bound)

    return np.concatenate([np.empty(0), *side_by_side(some, range(0, len(rows), height))])


def shared_noise(model: Model, samples: int, seed: int, dtype: Any) -> dict[str, np.ndarray]:
    """Noise for K draws of one row, which all rows share: the same for both dtypes, but for rounding."""
    shapes = model.posterior.noise_shapes(samples, 1)
    shared = draw(shapes, stream(seed, "shared importance"), "float64")
    return {name: eps.astype(dtype) for name, eps in shared.items()}


def spread(noise: dict[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """Shared noise, seen as that of so many rows."""
    return {name: np.broadcast_to(eps, (len(eps), rows, *eps.shape[2:])) for name, eps in noise.items()}


def _estimate_by_row(
    model: Model, theta: np.ndarray, batch: Batch, noise: dict[str, np.ndarray], bound: bool
) -> np.ndarray:
    """log p_hat or the ELBO of a few rows that share their draws."""
    p = model.views(theta)
    h = model.encoder_output(p, batch.inputs, batch.context)
    drawn = spread(noise, len(batch.target))
    log_w = np.concatenate(list(_log_weights(model, p, h, batch, drawn))).astype(np.float64)
    return log_w.mean(axis=0) if bound else arrays.logsumexp(log_w, axis=0) - np.log(len(log_w))


def _log_weights(
    model: Model, p: Any, h: np.ndarray, batch: Batch, noise: dict[str, np.ndarray]
) -> Iterator[np.ndarray]:
    """log p(x given z) + log p(z) - log q(z given x), (K, N), a few of the K draws at a time."""
    count, draws = len(next(iter(noise.values()))), max(CACHED // len(batch.target), 1)
    for start in range(0, count, draws):
        some = {name: eps[start : start + draws] for name, eps in noise.items()}
        terms, _, _ = model.run_from(p, h, batch, some)
        yield log_weights(terms)
