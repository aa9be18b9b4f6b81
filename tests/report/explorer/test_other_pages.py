"""The certificate and the bug zoo in the same browser as the explorer: no error, no request, nothing for axe."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from tests.report.explorer import bench
from tests.report.test_certificate_page import FACTS
from vitral.checks.bugs.matrix import chosen, matrix
from vitral.checks.certificate import certify
from vitral.report import certificate, zoo
from vitral.specs import Spec


def a_certificate():
    network, x = {"kind": "mlp", "hidden": [6]}, np.random.default_rng(0).random((20, 9))
    model = Spec(9, 3, network, network).build()
    items = [asdict(check) for check in certify(model, model.init(0, "float64", x), x)]
    return certificate.page({"passed": 1, "total": 2, "checks": items, "facts": FACTS})


def a_zoo():
    return zoo.page({"caught": 2, "total": 2, "seed": 0, "bugs": matrix(chosen(["Z04", "Z12"]))})


@pytest.mark.slow
@pytest.mark.parametrize("made", [a_certificate, a_zoo], ids=["certificate", "zoo"])
def test_a_page_beside_the_report_is_shown_without_complaint(browser, tmp_path, made):
    path = tmp_path / "page.html"
    path.write_text(made(), encoding="utf-8")
    page = browser.new_page(viewport={"width": 360, "height": 800})
    view = bench.View(page, path)
    view.listen()
    for tag in ("en", "pt-BR"):
        page.goto(f"{path.as_uri()}#lang={tag}")
        page.reload()
        assert page.evaluate("document.documentElement.lang") == tag
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert view.axe() == []
    assert view.problems == []
    assert view.elsewhere() == []
    page.close()
