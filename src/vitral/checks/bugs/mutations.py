"""The best known bugs as changed lines of the library itself: planted, examined, and put right again.

Right lines are found in the source, so that an exhibit never shows what the library does not say. Where a wrong forward
has a backward of its own, the edits after the first make it follow: only the laws that do not follow can speak then.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, NamedTuple


class Edit(NamedTuple):
    """A line of a function (``module:name``) and what takes its place, both without indentation."""

    place: str
    right: str
    wrong: str


class Mutation(NamedTuple):
    """A bug of the zoo by its id, its edits, and where it was seen, as (words, address)."""

    bug: str
    edits: tuple[Edit, ...]
    seen: tuple[tuple[str, str], ...] = ()


class Line(NamedTuple):
    """A right line with its file and number, and the wrong one."""

    file: str
    number: int
    right: str
    wrong: str


_SAMPLE = "vitral.parts.posteriors.diagonal:DiagonalGaussian.sample"
_KL = "vitral.parts.divergences:kl_diagonal_standard"
_AFFINE = "vitral.parts.layers:Affine.forward"
_ELBO = "vitral.parts.objectives.elbo:ELBO"
_ROWS = "vitral.checks.bounds:elbo_rows"

_SIGMA = "sigma = np.exp(0.5 * logvar)"
_Z = "z = mu + sigma * eps"
_DLOGVAR = "dlogvar = 0.5 * (dz * eps).sum(axis=0) * sigma + score + dlogvar"
_VALUE = "kl = 0.5 * (mu * mu + variance - logvar - 1.0)"
_DKL = "return np.concatenate([dkl * mu, dkl * (0.5 * (variance - 1.0))], axis=-1)"
_DW = 'g.add_product("W", rows_x.T, rows_dy)'
_DB = "g.b += arrays.sum_of_rows(rows_dy)"
_SUM = "return x * o - arrays.softplus(o), backward"
_SELECT = "return replace(self, stored=chosen(self.stored, index), labels=labels, context=context, side=side)"
_CUT = "return order[: -2 * tenth], order[-2 * tenth : -tenth], order[-tenth:]"
_RUN = "terms, _, _ = model.run(p, Batch(x, x, context=context), noise)"
_ELBO_ROW = "return terms.log_px - kl"


def _git(thread: str) -> tuple[str, str]:
    """repository#number as words and address."""
    repository, number = thread.split("#")
    return thread, f"https://github.com/{repository}/issues/{number}"


_NUMPY_ML = ("numpy-ml 0.1.2, BernoulliVAE", "https://github.com/ddbourgin/numpy-ml")
_EASYVAE = ("easyvae 1.3.3", "https://pypi.org/project/easyvae/1.3.3/")
_NOTEBOOK = ("the course notebook that Vitral grew from", "")

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "Z01",
        (
            Edit(_SAMPLE, _SIGMA, "sigma = np.exp(logvar)"),
            Edit(_SAMPLE, _DLOGVAR, "dlogvar = (dz * eps).sum(axis=0) * sigma + score + dlogvar"),
        ),
        (_NUMPY_ML, *map(_git, ("keras-team/keras#3283", "keras-team/keras#9970", "keras-team/keras#9972"))),
    ),
    Mutation("Z02", (Edit(_SAMPLE, 'eps = noise["eps"]', 'eps = noise["eps"] % 1.0'),)),
    Mutation(
        "Z03",
        (
            Edit(_SAMPLE, _Z, "z = mu + 0.5 * sigma * eps"),
            Edit(_SAMPLE, _DLOGVAR, "dlogvar = 0.25 * (dz * eps).sum(axis=0) * sigma + score + dlogvar"),
        ),
        (_EASYVAE,),
    ),
    Mutation(
        "Z04",
        (
            Edit(_KL, _VALUE, "kl = 0.5 * (mu * mu + variance - logvar - 1.0) / posterior.latent"),
            Edit(_KL, _DKL, f"{_DKL} / posterior.latent"),
        ),
        tuple(map(_git, ("pytorch/examples#234", "pytorch/examples#294", "AppliedDataSciencePartners/WorldModels#12"))),
    ),
    Mutation(
        "Z05",
        (
            Edit(_KL, _VALUE, "kl = -0.5 * (mu * mu + variance - logvar - 1.0)"),
            Edit(_KL, _DKL, _DKL.replace("return ", "return -")),
        ),
    ),
    Mutation(
        "Z06",
        (
            Edit(_KL, _VALUE, "kl = mu * mu + variance - logvar - 1.0"),
            Edit(_KL, _DKL, "return np.concatenate([2.0 * dkl * mu, dkl * (variance - 1.0)], axis=-1)"),
        ),
    ),
    Mutation(
        "Z07",
        (Edit(_SAMPLE, _Z, "z = mu + 0.0 * eps"), Edit(_SAMPLE, _DLOGVAR, "dlogvar = score + dlogvar + 0.0 * mu")),
    ),
    Mutation(
        "Z08",
        (Edit(_ROWS, _RUN, _RUN.replace("noise)", "{key: 0.0 * eps for key, eps in noise.items()})")),),
        (_NOTEBOOK,),
    ),
    Mutation(
        "Z09", (Edit(_SAMPLE, _DLOGVAR, "dlogvar = 0.5 * dz.sum(axis=0) * sigma + score + dlogvar"),), (_EASYVAE,)
    ),
    Mutation(
        "Z10",
        (
            Edit(_AFFINE, _DW, 'g.add_product("W", self.kept.T, rows_dy)'),
            Edit(_AFFINE, "rows_x = x.reshape(-1, self.n_in)",
                 'rows_x = x.reshape(-1, self.n_in); object.__setattr__(self, "kept", rows_x)'),
        ),
        (_NOTEBOOK,),
    ),
    Mutation("Z10b", (Edit(_AFFINE, _DB, f"{_DB}; p.W[...] -= 0.001 * g.W"),), (_NOTEBOOK,)),
    Mutation(
        "Z11",
        (
            Edit("vitral.parts.likelihoods.bernoulli:Bernoulli.terms", _SUM,
                 "m = np.clip(arrays.sigmoid(o), 1e-7, 1 - 1e-7); "
                 "return x * np.log(m) + (1 - x) * np.log1p(-m), backward"),
        ),
        (_NOTEBOOK,),
    ),
    Mutation(
        "Z12",
        (Edit("vitral.data.contract:Rows.select", _SELECT,
              _SELECT.replace("labels=labels", "labels=self.labels[: len(labels)]")),),
    ),
    Mutation(
        "Z13",
        (Edit("vitral.data.splits:random", _CUT, _CUT.replace("order[: -2 * tenth]", "order")),),
    ),
    Mutation(
        "S01",
        (Edit(_KL, _DKL, _DKL.replace("(variance - 1.0))]", "(variance - 1.0) * np.sqrt(variance))]")),),
        (_EASYVAE,),
    ),
    Mutation("S02", (Edit(_KL, _VALUE, f"{_VALUE} / posterior.latent"),), (_EASYVAE,)),
    Mutation(
        "S03",
        (
            Edit(f"{_ELBO}.rows", "return self.beta * self.kl_rows(terms) - terms.log_px.mean(axis=0)",
                 "return self.kl_rows(terms) - terms.log_px.mean(axis=0)"),
            Edit(f"{_ELBO}.__call__", "weight = 0.0 if closed else self.beta * share",
                 "weight = 0.0 if closed else share"),
            Edit(f"{_ELBO}.__call__", "kl=filled(self.beta / total if closed else 0.0, terms.kl),",
                 "kl=filled(1.0 / total if closed else 0.0, terms.kl),"),
        ),
        tuple(map(_git, ("Lightning-Universe/lightning-bolts#328", "AlexanderVNikitin/tsgm#69"))),
    ),
    Mutation(
        "S04", (Edit(_ROWS, _ELBO_ROW, "return terms.log_px - 0.00025 * kl"),),
        (("PyTorch-VAE: one weight in training, another in validation", "https://github.com/AntixK/PyTorch-VAE"),),
    ),
    Mutation(
        "S05", (Edit(_ROWS, _ELBO_ROW, "return (terms.log_px - kl) / 60"),),
        (("disentangling-vae: the first batch, over the number of batches",
          "https://github.com/YannDubs/disentangling-vae"),),
    ),
)  # fmt: skip


@contextmanager
def planted(mutation: Mutation) -> Iterator[None]:
    """The library with the wrong lines in it, for as long as the block lasts."""
    with ExitStack() as undone:
        for place in dict.fromkeys(edit.place for edit in mutation.edits):
            function = find(place)
            undone.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = _changed(function, [edit for edit in mutation.edits if edit.place == place])
        yield


def find(place: str) -> FunctionType:
    """The function that ``module:name`` names."""
    module, _, name = place.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def lines(mutation: Mutation) -> list[Line]:
    """Every changed line where it stands in the source; a line that is not there exactly once raises ValueError."""
    found = []
    for edit in mutation.edits:
        function = find(edit.place)
        source, first = inspect.getsourcelines(function)
        number = first + _only(source, edit)
        file = function.__module__.replace(".", "/") + ".py"
        found.append(Line(f"src/{file}", number, edit.right, edit.wrong))
    return found


def _only(source: list[str], edit: Edit) -> int:
    """The index of the one line that an edit changes."""
    places = [index for index, line in enumerate(source) if line.strip() == edit.right]
    if len(places) != 1:
        raise ValueError(f"{edit.place} holds {edit.right!r} {len(places)} times: an edit needs exactly one such line")
    return places[0]


def _changed(function: FunctionType, edits: list[Edit]) -> CodeType:
    """The code of a function with some of its lines changed; nothing is run, and its globals stay its own."""
    source = inspect.getsourcelines(function)[0]
    for edit in edits:
        index = _only(source, edit)
        source[index] = source[index].replace(edit.right, edit.wrong)
    whole = compile(textwrap.dedent("".join(source)), "<planted>", "exec", dont_inherit=True)
    return next(code for code in whole.co_consts if isinstance(code, CodeType))
