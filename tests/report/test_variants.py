"""The section on variants: claims that their paired differences allow, scales apart, figures that show both."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.report.synthetic import write_run
from vitral.report.catalogue import Planned, plan
from vitral.report.context import Context
from vitral.report.figures.draw import draw
from vitral.report.figures.variants import Row, Spot, rate_distortion_figure, variants_figure
from vitral.report.labels import model_label, unit_label, variant_label
from vitral.report.language import language
from vitral.report.page import page_text
from vitral.report.run_folder import read_run
from vitral.report.sections.diagnosis import diagnosis
from vitral.report.sections.variants import changes_table, claims, gaps, said, variants

GAPS = {"standard": 0.0, "vamp": 3.0, "flow": 2.9, "beta_0.5": -1.0}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Four variants: VampPrior leads by 30 standard errors, the flow is level with it, a beta is below."""
    return read_run(write_run(tmp_path_factory.mktemp("variants") / "run", variants=GAPS, autoencoder=False))


def context(run, code="en"):
    return Context(run, language(code), tuple(plan(run)), {})


def plain(html):
    return str(html).replace("\N{NO-BREAK SPACE}", " ").replace("<strong>", "").replace("</strong>", "")


def test_models_stand_in_the_order_of_the_recipe(compared):
    assert compared.vaes == [f"latent-3-{name}" for name in GAPS]
    assert compared.featured == ["latent-3-standard", "latent-3-vamp"]


def test_variants_have_names_for_people():
    words = language("pt")
    assert variant_label("vamp", words) == "VampPrior"
    assert variant_label("beta_0.25", words) == "β = 0,25"
    assert variant_label("my_own", words) == "my own"


def test_variants_of_several_sizes_carry_their_size(compared):
    models = compared.models | {"latent-8-vamp": compared.models["latent-3-vamp"] | {"latent": 8}}
    several = replace(compared, metrics=compared.metrics | {"models": models})
    assert model_label(several, "latent-8-vamp", language("en")) == "VampPrior, 8D"


def test_the_leader_is_named_with_its_paired_difference(compared):
    said = [plain(claim) for claim in claims(context(compared), compared.comparison[0])]
    assert said[0].startswith("VampPrior has the largest estimate of log p(x)")
    assert "3.00 ± 0.10 more than standard normal prior, distinguishable (30.0 standard errors)" in said[0]


def test_a_model_within_two_errors_of_the_best_is_called_level(compared):
    said = " ".join(plain(claim) for claim in claims(context(compared), compared.comparison[0]))
    assert "Not distinguishable from VampPrior: flow prior." in said
    assert "β = 0.5 −1.00 ± 0.10" in said
    assert "called best <em>after</em> looking" in said


def test_a_first_variant_that_leads_is_said_to(compared):
    table = compared.comparison[0] | {"best": "latent-3-standard"}
    assert "No variant has a larger" in plain(claims(context(compared), table)[0])


def test_a_table_without_a_best_makes_no_claim(compared):
    table = compared.comparison[0] | {"best": None, "by": None, "scale": "none"}
    assert claims(context(compared), table) == []
    assert gaps(context(compared), table) == []


def test_every_changed_value_is_shown_as_a_recipe_writes_it(compared):
    shown = plain(changes_table(context(compared, "pt")))
    assert 'model.prior.kind = &quot;vamp&quot;' in shown
    assert "a própria receita" in shown


def test_models_of_two_scales_get_two_tables_and_a_warning(compared):
    first = compared.comparison[0]
    other = {"scale": "density", "by": "elbo", "first": "latent-3-flow", "best": "latent-3-flow"}
    other["models"] = {"latent-3-flow": first["models"]["latent-3-flow"]}
    kept = {name: row for name, row in first["models"].items() if name != "latent-3-flow"}
    two = replace(compared, metrics=compared.metrics | {"comparison": [first | {"models": kept}, other]})
    shown = plain(variants(context(two)))
    assert "Not every likelihood of this run can be compared" in shown
    assert shown.count("Test set, mean ± standard error") == 4  # caption and label of two tables
    assert "Not every likelihood" not in plain(variants(context(compared)))


def test_the_page_of_a_comparison_leaves_the_notebook_s_limits_out(compared):
    text = page_text(compared, "not drawn here")
    assert 'id="variants"' in text
    assert 'id="limits"' not in text
    assert "All models beside one another" in text


def test_a_number_of_the_comparison_follows_the_metrics(compared, tmp_path):
    folder = write_run(tmp_path / "run", variants=GAPS, autoencoder=False)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["comparison"][0]["models"]["latent-3-vamp"]["log_px_hat_to_first"] = 4321.0
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = page_text(read_run(folder), "not drawn here")
    assert "4,321.00" in text
    assert "4.321,00" in text
    assert "4,321.00" not in page_text(compared, "not drawn here")


def test_the_doctor_speaks_the_language_of_the_page(compared):
    english, portuguese = (plain(diagnosis(context(compared, code))) for code in ("en", "pt"))
    assert "Warning — Dead dimensions: 2 of 3 (numbers 1 and 3)" in english
    assert "Alerta — Dimensões inativas: 2 de 3 (números 1 e 3)" in portuguese
    assert "of another version" not in english


def test_models_without_findings_are_named_together(run):
    said = plain(diagnosis(context(run)))
    assert "Nothing found for VAE 2D and Autoencoder 2D." in said


def test_further_figures_of_a_comparison_are_folded(compared):
    planned = [Planned("traversals", name, ()) for name in compared.vaes]
    text = str(Context(compared, language("en"), tuple(planned), {}).figures("traversals"))
    assert text.count("<figure>") == 4
    assert text.index("<details>") > text.index("VampPrior")
    assert "2 more: flow prior and β = 0.5" in text


def test_differences_are_drawn_with_two_standard_errors_each_way():
    rows = [Row("a", first=True), Row("b", log_px_hat=(1.0, 0.25), elbo=(-0.5, 0.1))]
    (axes,) = variants_figure([("", rows)]).axes
    bars = [container.lines[2][0].get_segments()[0][:, 0] for container in axes.containers if container.lines[2]]
    assert any(np.allclose(bar, [0.5, 1.5]) for bar in bars)
    assert any(np.allclose(bar, [-0.7, -0.3]) for bar in bars)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_dotted_lines_hold_rate_plus_distortion_constant():
    spots = [Spot("a", 10.0, 80.0), Spot("b", 30.0, 65.0)]
    (axes,) = rate_distortion_figure(spots, joined=True).axes
    dotted = [line.get_xydata() for line in axes.lines if line.get_linestyle() == ":"]
    assert dotted
    for line in dotted:
        assert np.ptp(line.sum(axis=1)) < 1e-9
    assert [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-"] == [[10.0, 30.0]]


@pytest.mark.parametrize("name", ["variants", "rate_distortion"])
def test_figures_of_a_comparison_speak_both_languages(compared, name):
    english, portuguese = (
        draw(compared, Planned(name, None, ()), language(code)).axes[0].get_xlabel() for code in ("en", "pt")
    )
    assert english
    assert english != portuguese


def test_bits_are_named_in_the_language_of_the_page(compared):
    data = compared.data | {"unit": "bits, drawn from the intensities (dynamic, seed 7)", "binarisation": "dynamic"}
    bits = replace(compared, metrics=compared.metrics | {"data": data})
    assert unit_label(bits, language("pt")) == "bits, sorteados das intensidades (binarização dinâmica, semente 7)"
    text = page_text(bits, "not drawn here")
    assert "Dynamic binarisation:" in text
    assert "static binarisation: here the training bits change" in text


def test_what_a_variant_leaves_at_its_usual_value_is_not_listed():
    """A table of another kind is kept whole in metrics.json; the page shows what was chosen."""
    conv = {"kind": "conv", "channels": [16, 32], "stride": 2, "activation": "gate", "bias": "data", "quiet": True}
    beta = {"kind": "sigmoid", "start": 0.0, "end": 1.0, "steps": 100, "sharpness": 10.0}
    changes = {"model": {"encoder": conv}, "training": {"objective": {"beta": beta}, "rate": 1e-3}}
    assert dict(said(changes)) == {
        "model.encoder.kind": "conv",
        "model.encoder.channels": [16, 32],
        "model.encoder.activation": "gate",
        "model.encoder.bias": "data",
        "training.objective.beta.kind": "sigmoid",
        "training.objective.beta.steps": 100,
        "training.rate": 1e-3,
    }
