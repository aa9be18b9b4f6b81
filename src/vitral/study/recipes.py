"""Recipes: what a study does, as TOML. Built-in ones by name, own ones by path, any value overridden."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from vitral import specs
from vitral.data import BINARISATIONS, CONTEXTS
from vitral.data.columns import MISSING, Column
from vitral.data.opening import path_keys
from vitral.data.splits import CHOICES
from vitral.data.tables import likelihood_for
from vitral.errors import FileError, UsageError, unknown
from vitral.specs import OPTIMISERS, Spec, member, positive
from vitral.study.data_part import DataPart
from vitral.study.numbers import check_numbers
from vitral.study.second_stage import check_second_stage, complete
from vitral.study.toml_text import key_text, value_text
from vitral.study.variants import check_variants, differences, merged
from vitral.training.loop import Plan

Table = Mapping[str, Any]

SIZES: dict[str, tuple[int, tuple[int, ...] | None]] = {
    "digits": (64, (8, 8)),
    "mnist": (784, (28, 28)),
    "sprites": (1024, (32, 32)),
}
LARGE = (65_536, (256, 256))  # for files that are not open yet: what fits smaller images fits these


@dataclass(frozen=True)
class ModelPart:
    """Which models: one VAE for each latent size, and plain autoencoders beside them.

    A likelihood of kind "auto" is the one that fits the columns of a table, and gaussian_learned for other rows.
    ``context`` is what a conditional model is given beside each row: "none", "labels", or "side", the numbers that
    the data file holds under that name.
    """

    latents: tuple[int, ...] = (2, 10, 20)
    autoencoders: tuple[int, ...] = ()
    encoder: Table = field(default_factory=lambda: {"kind": "mlp", "hidden": [400], "activation": "relu"})
    decoder: Table = field(default_factory=lambda: {"kind": "mlp", "hidden": [400], "activation": "relu"})
    posterior: Table = field(default_factory=lambda: {"kind": "diagonal"})
    prior: Table = field(default_factory=lambda: {"kind": "standard_normal"})
    likelihood: Table = field(default_factory=lambda: {"kind": "gaussian_learned", "link": "sigmoid"})
    context: str = "none"


@dataclass(frozen=True)
class TrainingPart:
    """How to train; ``epochs`` is one number for every size, or a list, one for each.

    ``seeds`` trains every VAE so many times, with seeds seed, seed + 1, ...; ``replay`` takes the
    notebook's own random numbers instead of the streams of the seed. ``shards`` cuts each batch into parts that
    are computed side by side; it belongs to the recipe because it decides the order of summation. ``clip`` is the
    greatest length of a gradient, ``average`` the decay of the running average of the parameters; 0 means none.
    ``start_from`` is the path of a model file to begin with. ``second_stage`` fits another prior to the codes of
    the trained model: { prior = ..., epochs = 30, batch = 200, rate = 2e-3 }.
    """

    epochs: int | tuple[int, ...] = 10
    batch: int = 128
    rate: float | Table = 1e-3
    optimiser: Table = field(default_factory=lambda: {"kind": "adam"})
    objective: Table = field(default_factory=lambda: {"kind": "elbo"})
    dtype: str = "float32"
    shards: int = 1
    keep: str = "last"
    patience: int = 0
    monitor_rows: int = 10_000
    clip: float = 0.0
    average: float = 0.0
    start_from: str = ""
    second_stage: Table = field(default_factory=dict)
    seed: int = 0
    seeds: int = 1
    replay: bool = False


@dataclass(frozen=True)
class EvaluationPart:
    """How much to measure, once training has ended; 0 leaves a measurement out."""

    draws: int = 1
    importance_samples: int = 100
    importance_images: int = 1000
    neighbours: int = 10
    neighbour_rows: int = 50_000
    tsne_rows: int = 2000
    information_images: int = 5000
    sample_images: int = 0
    amortisation_images: int = 0


@dataclass(frozen=True)
class Recipe:
    """A study, complete: every default is written out in the run folder's recipe.toml.

    ``variants`` are trained in place of the recipe's own models: by name, what each changes of it.
    """

    name: str
    data: DataPart = DataPart()  # noqa: RUF009 (frozen, like those below)
    model: ModelPart = ModelPart()
    training: TrainingPart = TrainingPart()
    evaluation: EvaluationPart = EvaluationPart()
    variants: Table = field(default_factory=dict)

    @classmethod
    def from_dict(cls, entries: Table) -> Recipe:
        """A recipe from plain tables, checked whole."""
        made = _part(cls, entries, "recipe")
        made.check()
        return made

    def to_dict(self) -> dict[str, Any]:
        """Plain tables with every default, nested ones included; ``variants`` only where there are some."""
        entries = _plain(asdict(self))
        variants = entries.pop("variants")
        spec = self._likely_spec().to_dict()
        entries["model"] |= {
            name: spec[name] for name in ("encoder", "decoder", "posterior", "prior", "likelihood")
        }
        if self.automatic:
            entries["model"]["likelihood"] = {"kind": "auto"}
        plan = self.plan(0)
        entries["training"]["optimiser"] = specs.described(OPTIMISERS, plan.optimiser)
        entries["training"]["objective"] = specs.described_objective(plan.objective)
        entries["training"] |= complete(self._likely_spec(), entries["training"].pop("second_stage"))
        if isinstance(self.training.rate, Mapping):
            entries["training"]["rate"] = specs.described(specs.SCHEDULES, plan.rate)
        if variants:
            whole = {name: recipe.to_dict() for name, recipe in self.each() if name is not None}
            entries["variants"] = {name: differences(variants[name], whole[name]) for name in variants}
        return entries

    def each(self) -> list[tuple[str | None, Recipe]]:
        """The recipes that are trained: this one without a name, or each of its variants with its own."""
        if not self.variants:
            return [(None, self)]
        return [(name, self._variant(name)) for name in self.variants]

    def _variant(self, name: str) -> Recipe:
        own = asdict(replace(self, variants={}))
        try:
            return Recipe.from_dict(merged(own, self.variants[name]))
        except UsageError as error:
            raise UsageError(f"variant {name!r}: {error}") from error

    def epochs(self, index: int) -> int:
        """The epochs of the latent size at this place of the list."""
        epochs = self.training.epochs
        return epochs if isinstance(epochs, int) else epochs[index]

    def plan(self, index: int, *, autoencoder: bool = False, rows: int = 0) -> Plan:
        """How the model at this place is trained; ``rows`` of training data, once they are known."""
        t = self.training
        rate = specs.schedule(t.rate) if isinstance(t.rate, Mapping) else t.rate
        return Plan(
            epochs=self.epochs(index),
            batch=t.batch,
            rate=rate,
            optimiser=member("optimiser", OPTIMISERS, t.optimiser),
            objective=specs.with_rows(specs.objective("reconstruction" if autoencoder else t.objective), rows),
            dtype=t.dtype,
            shards=t.shards,
            keep=t.keep,
            patience=t.patience,
            monitor_rows=t.monitor_rows,
            clip=t.clip,
            average=t.average,
            start_from=t.start_from,
        )

    def spec(
        self,
        latent: int,
        *,
        features: int,
        image_shape: tuple[int, ...] | None = None,
        autoencoder: bool = False,
        context: int | None = None,
        inputs: int = 0,
        columns: tuple[Column, ...] | None = None,
    ) -> Spec:
        """The model of one latent size; ``context`` is its width, one number where it is not known yet."""
        m = self.model
        width = int(m.context != "none") if context is None else context
        posterior = {"kind": "point"} if autoencoder else m.posterior
        likelihood = m.likelihood
        if self.automatic:
            likelihood = likelihood_for(columns) if columns is not None else {"kind": "gaussian_learned"}
        parts = (m.encoder, m.decoder, posterior, m.prior, likelihood)
        return Spec(features, latent, *parts, image_shape, width, inputs)

    @property
    def automatic(self) -> bool:
        """Whether the data say which likelihood it is."""
        likelihood = self.model.likelihood
        return likelihood == "auto" or (isinstance(likelihood, Mapping) and likelihood.get("kind") == "auto")

    def _likely_spec(self) -> Spec:
        """The model of the first size, for rows as the data will have them, as far as that is known unopened."""
        features, shape = SIZES.get(self.data.name, LARGE)
        likelihood = self.model.likelihood
        if isinstance(likelihood, Mapping) and isinstance(likelihood.get("columns"), list | tuple):
            features, shape = len(likelihood["columns"]), None
        return self.spec(self.model.latents[0], features=features, image_shape=shape)

    def check(self) -> None:
        """Refuse what cannot be run, before anything is."""
        t, m = self.training, self.model
        if self.data.split not in CHOICES:
            raise unknown("split", self.data.split, CHOICES)
        if self.data.binarise not in BINARISATIONS:
            raise unknown("binarisation", self.data.binarise, BINARISATIONS)
        if self.data.missing not in MISSING:
            raise unknown("data.missing", self.data.missing, MISSING)
        if self.automatic and isinstance(m.likelihood, Mapping) and len(m.likelihood) > 1:
            raise UsageError("model.likelihood 'auto' has no options: name a likelihood to give it some")
        if m.context not in CONTEXTS:
            raise unknown("context", m.context, CONTEXTS)
        for key, known in (("dtype", ("float32", "float64")), ("keep", ("best", "last"))):
            if getattr(t, key) not in known:
                raise unknown(f"training.{key}", getattr(t, key), known)
        if not m.latents:
            raise UsageError("model.latents is empty: give at least one latent size, such as [2]")
        for name, values in (("model.latents", m.latents), ("model.autoencoders", m.autoencoders)):
            for value in values:
                positive(name, value)
        check_numbers(self)
        if isinstance(t.epochs, tuple) and len(t.epochs) != len(m.latents):
            raise UsageError(
                f"training.epochs has {len(t.epochs)} entries for {len(m.latents)} latent sizes: give one each"
            )
        if t.replay and (
            self.data.split != "notebook" or m.autoencoders or t.seeds != 1 or t.dtype != "float64"
        ):
            raise UsageError(
                "training.replay replays the notebook's own numbers: it needs data.split 'notebook', float64, one seed "
                "and no autoencoders; set training.replay=false for other seeds"
            )
        if t.replay and self.variants:
            raise UsageError("training.replay draws the notebook's numbers for its own models: leave variants out")
        if t.replay and t.start_from:
            raise UsageError("training.replay begins with the notebook's own weights: leave training.start_from out")
        check_variants(self.variants)
        for name, recipe in self.each():
            if name is None:
                specs.check_together(recipe._likely_spec().build(), recipe.plan(0).objective)
                check_second_stage(recipe._likely_spec(), t.second_stage)


def built_in() -> list[str]:
    """The names of the recipes in the package."""
    return sorted(
        file.name.removesuffix(".toml")
        for file in files("vitral.study").joinpath("recipes").iterdir()
        if file.name.endswith(".toml")
    )


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """A built-in recipe by name, or one by path, with ``section.key=value`` changes applied.

    >>> load_recipe("quick", ["training.epochs=1"]).training.epochs
    1
    """
    entries = _read(name)
    for change in changes:
        _apply(entries, change)
    entries.setdefault("name", Path(name).stem)
    data, training = entries.get("data"), entries.get("training")
    for table, keys in ((data, path_keys(data)), (training, ["start_from"])):
        for key in keys if isinstance(table, dict) else []:
            if table.get(key):
                table[key] = str(Path(str(table[key])).absolute())
    return Recipe.from_dict(entries)


def _read(name: str) -> dict[str, Any]:
    if name in built_in():
        text = files("vitral.study").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    elif name.endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise FileError(f"cannot read the recipe {name}: {error.strerror}; check the path") from error
        except UnicodeDecodeError as error:
            raise FileError(f"cannot read the recipe {name}: it is not UTF-8; save it again in UTF-8") from error
    else:
        raise unknown("recipe", name, built_in())
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{name} is not valid TOML: {error}; correct that line") from error


def _apply(entries: dict[str, Any], change: str) -> None:
    """Set one value: ``training.epochs=5``. The value is read as TOML, or else taken as text."""
    path, equals, text = change.partition("=")
    if not equals:
        raise UsageError(f"--set needs section.key=value, got {change!r}: for example training.epochs=5")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *tables, key = path.strip().split(".")
    defaults: Any = asdict(Recipe(""))
    for table in tables:
        defaults = defaults.get(table) if isinstance(defaults, Mapping) else None
        whole = isinstance(defaults, Mapping) and "kind" in defaults
        entries = entries.setdefault(table, dict(defaults) if whole else {})
        if not isinstance(entries, dict):
            raise UsageError(f"{path} does not name a value of a recipe: {table} is not a table")
    if key == "kind" and entries.get("kind") != value:
        entries.clear()  # the options of one kind mean nothing to another
    entries[key] = value


def _part(cls: type, entries: Table, where: str) -> Any:
    """A dataclass from a table; unknown keys and wrong types are errors that name the place."""
    known = {f.name: f for f in fields(cls)}
    values = {}
    for key, value in entries.items():
        if key not in known:
            raise unknown(f"key of {where}:", key, known)
        default = known[key].default
        if is_dataclass(default):
            if not isinstance(value, Mapping):
                raise UsageError(
                    f"{where}.{key} must be a table, got {value!r}: write [{key}] and its keys below"
                )
            values[key] = _part(type(default), value, key)
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
            _check_kind(f"{where}.{key}", values[key], known[key])
    return cls(**values)


def _check_kind(where: str, value: Any, f: Any) -> None:
    """Text stays text and tables stay tables; numbers are checked by Recipe.check."""
    kinds = {"str": str, "bool": bool, "tuple[int, ...]": tuple, "Table": (str, Mapping), "tuple[str, ...]": tuple}
    if f.type in kinds and not isinstance(value, kinds[f.type]):
        raise UsageError(f"{where} must be {_KIND_WORDS[f.type]}, got {value!r}: correct the recipe")


_KIND_WORDS = {
    "str": "text",
    "bool": "true or false",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[str, ...]": "a list of texts",
    "Table": "a name or a table",
}


def with_seeds(recipe: Recipe, seeds: int) -> Recipe:
    """The same recipe over several seeds, from the streams and not from a replay."""
    return replace(recipe, training=replace(recipe.training, seeds=seeds, replay=False))


def to_toml(recipe: Recipe) -> str:
    """The complete recipe as TOML."""
    entries = recipe.to_dict()
    lines = [f"name = {value_text(entries.pop('name'))}"]
    for section, values in entries.items():
        lines += ["", f"[{section}]", *(f"{key_text(key)} = {value_text(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
