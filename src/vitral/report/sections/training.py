"""Step 3: the curves, train and validation measured alike, and what the slope at the stop says."""

from __future__ import annotations

from vitral.report.context import Context
from vitral.report.estimates import difference, estimate, reconstruction_term
from vitral.report.markup import Html, details, join, table
from vitral.report.sections.claims import verdict


def training(c: Context) -> Html:
    parts = [
        c.p("training.text", rows=c.words.integer(c.run.protocol.get("monitor_rows"))),
        c.figures("loss_curves"),
    ]
    parts += [epoch_table(c, name) for name in c.run.ordered if c.run.progress.get(name)]
    parts += [c.heading("training.alike"), c.p("training.alike.text"), split_table(c)]
    parts += [c.heading("training.shortcut"), c.p("training.shortcut.text"), shortcut_table(c)]
    return join(
        [*parts, c.notebook("training.notebook.split", "training.notebook.stable", "training.notebook.stop")]
    )


def epoch_table(c: Context, name: str) -> Html:
    """Every number of the curves, behind a summary that opens."""
    words = c.words
    constant = c.run.models[name].get("loss_constant") or 0.0
    is_vae = c.run.models[name].get("kind") == "vae"
    keys = ("loss", "reconstruction", "kl", "sse") if is_vae else ("loss", "sse")
    rows = []
    for record in c.run.progress[name]:
        cells = [words.integer(record["epoch"])]
        for split in ("train", "validation"):
            terms = record.get(split) or {}
            terms = terms | {"reconstruction": reconstruction_term(terms, constant)}
            cells += [words.number(terms.get(key)) for key in keys]
        rows.append([*cells, words.number(record.get("seconds"), 1)])
    pair = [words.text(f"column.{split}_{key}") for split in ("train", "validation") for key in keys]
    headers = [words.text("column.epoch"), *pair, words.text("column.seconds")]
    caption = c.html("table.epochs", model=c.label(name))
    return details(caption, table(caption, headers, rows))


def split_table(c: Context) -> Html:
    words, rows = c.words, []
    for name in c.run.ordered:
        train, validation = (estimate(c.run, name, "loss", split) for split in ("train", "validation"))
        gap = difference(validation, train)
        rows.append(
            (
                c.label(name),
                words.measured(train.value, train.error) if train else words.text("number.none"),
                words.measured(validation.value, validation.error)
                if validation
                else words.text("number.none"),
                words.measured(gap.value, gap.error, signed=True) if gap else words.text("number.none"),
                verdict(c, gap),
                words.number(c.run.models[name].get("slope_at_stop"), 2, signed=True),
            )
        )
    headers = [
        words.text(f"column.{key}")
        for key in ("model", "train_loss", "validation_loss", "gap", "verdict", "slope")
    ]
    return table(c.html("table.splits"), headers, rows)


def shortcut_table(c: Context) -> Html:
    words, rows = c.words, []
    for name in c.run.vaes:
        test = c.run.scores(name, "test")
        cells = [
            words.number(test.get(key))
            for key in ("loss", "loss_at_mean", "mu_shortcut_measured", "mu_shortcut_predicted")
        ]
        rows.append((c.label(name), *cells))
    headers = [
        words.text(f"column.{key}")
        for key in ("model", "loss_sampled", "loss_at_mean", "shortcut", "shortcut_predicted")
    ]
    return table(c.html("table.shortcut"), headers, rows)
