"""Steps 1 and 2 of the study: the data, and the models."""

from __future__ import annotations

import math

from vitral.report.context import Context
from vitral.report.labels import latent_sizes, pca_label, split_label, unit_label
from vitral.report.markup import Html, join, paragraph, table
from vitral.report.sections.opening import DENSITIES, likelihood_text


def data(c: Context) -> Html:
    run, words = c.run, c.words
    split = run.data.get("split")
    counts = {key: words.integer(run.data.get(key)) for key in ("train", "validation", "test", "features")}
    parts = [
        c.p(
            "data.text",
            name=run.data.get("name"),
            split=split_label(run, words),
            unit=unit_label(run, words),
            **counts,
        )
    ]
    bits = f"data.binarised.{run.data.get('binarisation')}"
    if bits in words.strings:
        parts.append(c.p(bits))
    context = f"data.context.{run.data.get('context')}"
    if context in words.strings:
        parts.append(c.p(context))
    parts += [c.figures("data_samples")]
    if not run.data.get("shows_data", True):
        parts.append(c.p("data.hidden"))
    if not run.shows_images:
        parts.append(c.p("data.not_images"))
    parts += [c.heading("data.baselines"), c.p("data.baselines.text"), baseline_table(c)]
    key = {"official": "data.notebook.official", "notebook": "data.notebook.replay"}.get(str(split))
    return join([*parts, c.notebook(*([key] if key else []), "data.notebook.baseline", test=counts["test"])])


def baseline_table(c: Context) -> Html:
    words, features = c.words, c.run.data.get("features")
    lines = [
        (
            words.text("model.mean_image"),
            c.run.baseline("mean_image"),
            c.run.baseline("mean_image", split="validation_"),
        )
    ]
    for size in latent_sizes(c.run):
        lines.append(
            (pca_label(size, words), c.run.baseline("pca", size), c.run.baseline("pca", size, "validation_"))
        )
    rows = [
        (
            label,
            words.number(test),
            words.number(validation),
            per_pixel(c, test, features),
            root(c, test, features),
        )
        for label, test, validation in lines
    ]
    headers = [
        words.text(f"column.{key}")
        for key in ("baseline", "sse_test", "sse_validation", "per_feature", "rmse")
    ]
    return table(c.html("table.baselines"), headers, rows)


def per_pixel(c: Context, sse: float | None, features: int | None) -> str:
    return c.words.number(sse / features if sse is not None and features else None, 4)


def root(c: Context, sse: float | None, features: int | None) -> str:
    return c.words.number(math.sqrt(sse / features) if sse is not None and features else None, 3)


def model(c: Context) -> Html:
    run, words = c.run, c.words
    other = [] if all(run.plain(name) for name in run.vaes) else [c.p("model.text.other")]
    parts = [c.p("model.text"), *other, c.p("model.bound"), model_table(c), *meaning(c), training_line(c)]
    asides = ["model.notebook.sum"]
    values: dict[str, object] = {}
    fixed = [
        name
        for name in run.vaes
        if (run.models[name].get("likelihood") or {}).get("kind") == "gaussian_fixed"
    ]
    learned = [
        name
        for name in run.vaes
        if (run.models[name].get("likelihood") or {}).get("kind") == "gaussian_learned"
    ]
    features = run.data.get("features")
    if features:
        asides.append("model.notebook.constant")
        values["constant"] = words.number(features / 2 * math.log(math.pi))
        values["features"] = words.integer(features)
    if fixed and run.models[fixed[0]].get("implied_beta") is not None:
        asides.append("model.notebook.beta")
        listed = (
            f"{c.label(name)}: {words.plain(run.models[name].get('implied_beta'), 3)}" for name in fixed
        )
        values["implied"] = "; ".join(listed)
    if learned:
        asides.append("model.notebook.learned")
        listed = (f"{c.label(name)}: {words.plain(run.models[name].get('variance'), 3)}" for name in learned)
        values["variances"] = "; ".join(listed)
    return join([*parts, c.notebook(*asides, **values)])


def meaning(c: Context) -> list[Html]:
    """What a log-likelihood of this run is: a probability, a density per unit, or nothing but a loss."""
    kinds = {}
    for name in c.run.vaes:
        found = c.run.models[name]
        likelihood = (found.get("likelihood") or {}).get("kind")
        if likelihood is not None:
            loss = found.get("loss_is_likelihood") is False
            scale = "mixed" if likelihood == "mixed" else "density" if likelihood in DENSITIES else "mass"
            kinds["loss" if loss else scale] = True
    return [c.p(f"model.likelihood.{kind}", unit=unit_label(c.run, c.words)) for kind in kinds]


def model_table(c: Context) -> Html:
    words = c.words
    rows = []
    named = [] if all(c.run.plain(name) for name in c.run.vaes) else ["posterior", "prior"]
    for name in c.run.ordered:
        found = c.run.models[name]
        is_vae = found.get("kind") == "vae"
        rows.append(
            (
                c.label(name),
                _layers(c, name),
                *(_part_name(c, found, part) for part in named),
                words.integer(found.get("parameters")),
                likelihood_text(c, [name]) if is_vae else c.html("likelihood.point"),
                words.number(found.get("loss_constant")),
                words.integer(found.get("epochs")),
            )
        )
    headers = [
        words.text(f"column.{key}")
        for key in ("model", "layers", *named, "parameters", "likelihood", "constant", "epochs")
    ]
    return table(c.html("table.models"), headers, rows)


def _part_name(c: Context, found: dict, part: str) -> str:
    kind = str((found.get(part) or {}).get("kind") or c.words.text("number.none"))
    return c.words.strings.get(f"{part}_name.{kind}", kind)


def _layers(c: Context, name: str) -> str:
    """784-400-L-400-784 as far as the run says it; the kinds of the networks where they are no plain chains."""
    found = c.run.models[name]
    kinds = [(found.get(part) or {}).get("kind", "mlp") for part in ("encoder", "decoder")]
    if set(kinds) != {"mlp"}:
        named = [c.words.strings.get(f"variant_name.{kind}", kind) for kind in kinds]
        return f"{named[0]}, {c.run.latent(name)}, {named[1]}"
    hidden = [str(width) for width in found.get("hidden") or []]
    features = str(c.run.data.get("features") or "?")
    return "-".join([features, *hidden, str(c.run.latent(name)), *reversed(hidden), features])


def training_line(c: Context) -> Html:
    protocol, words = c.run.protocol, c.words
    optimiser = protocol.get("optimiser") or {}
    settings = ", ".join(f"{key} = {_setting(c, value)}" for key, value in optimiser.items() if key != "kind")
    kind = str(optimiser.get("kind") or words.text("number.none"))
    return paragraph(
        c.html(
            "model.optimiser",
            optimiser=f"{kind} ({settings})" if settings else kind,
            rate=_setting(c, protocol.get("rate")),
            batch=words.integer(protocol.get("batch")),
            dtype=protocol.get("dtype") or words.text("number.none"),
            draws=words.integer(protocol.get("draws")),
        )
    )


def _setting(c: Context, value: object) -> str:
    return (
        c.words.plain(float(value)) if isinstance(value, (int, float)) and value is not None else str(value)
    )
