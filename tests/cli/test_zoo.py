"""vitral zoo: the planted bugs from the command line."""

import json


def test_zoo_prints_what_every_law_measured_as_data(run):
    answer = run("zoo", "Z05", "--json")
    document = json.loads(answer.out)
    assert answer.code == 0
    assert (document["caught"], document["total"]) == (1, 1)
    assert document["bugs"][0]["laws"]["kl_by_draws"]["passed"] is False


def test_zoo_speaks_both_languages_and_writes_a_page(run, folder):
    answer = run("zoo", "Z05", "--language", "pt", "-o", "z.html")
    assert answer.code == 0
    assert "KL com o sinal errado" in answer.out
    assert "1 de 1 erros apanhados." in answer.out
    assert "KL with the wrong sign" in (folder / "z.html").read_text(encoding="utf-8")


def test_a_bug_that_no_law_sees_is_exit_code_1(run, monkeypatch):
    from vitral.checks import bugs
    from vitral.checks.laws import LAWS

    monkeypatch.setitem(LAWS, "data", {"splits_are_disjoint": LAWS["data"]["splits_are_disjoint"]})
    assert bugs.LAWS is LAWS
    answer = run("zoo", "Z12")
    assert answer.code == 1
    assert "0 of 1 bugs caught." in answer.out
