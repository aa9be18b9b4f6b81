"""The shell of the page in a real browser: what it promises whatever figures are in it."""

import json

import numpy as np
import pytest

import vitral
from tests.report.explorer.fixture import NAME, content, digits, packed_theta
from tests.report.explorer.many import many
from vitral.report.explorer import assemble, packing
from vitral.report.explorer.golden import golden

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LANGUAGES = ("en", "pt-BR")
SITUATION = "#w03&lang=pt-BR&depth=numbers&theme=dark&image=7&z=0.4,-1.1&beta=2.5&seed=9&pins=0,0;1,-1"

LEAVES = """() => {
  const seen = (one) => one.checkVisibility() && !one.closest("math, pre");
  const leaves = [...document.querySelectorAll("body *")].filter((one) => seen(one) && one.children.length === 0);
  const texts = leaves.filter((one) => one.tagName !== "INPUT").map((one) => one.textContent.trim());
  const names = [...document.querySelectorAll("[aria-label], [aria-roledescription]")].filter(seen)
    .flatMap((one) => [one.getAttribute("aria-label"), one.getAttribute("aria-roledescription")]);
  return [...texts, ...names].filter(Boolean);
}"""


def differing():
    """Texts of one language that the other has otherwise: {tag: {texts}}."""
    strings = assemble.strings()
    pairs = [(strings["en"][key], strings["pt-BR"][key]) for key in strings["en"]]
    told = [pair for pair in pairs if pair[0] != pair[1] and "{" not in pair[0]]
    return {"en": {a for a, _ in told} - {b for _, b in told}, "pt-BR": {b for _, b in told} - {a for a, _ in told}}


def test_the_page_opens_says_its_language_and_equals_numpy(opened):
    view = opened(language="pt-BR")
    assert view.page.locator("html").get_attribute("lang") == "pt-BR"
    badge = view.page.locator("#parity-badge")
    assert "Navegador = NumPy" in badge.inner_text()
    measured = badge.evaluate("(one) => ({...one.dataset})")
    assert 0 < float(measured["forward"]) < 1e-5
    assert 0 < float(measured["gradient"]) < 1e-4
    policy = view.page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none';")


def test_a_browser_that_computes_otherwise_is_told_so(opened, tmp_path):
    wrong = json.loads(json.dumps(content()))
    wrong["golden"][NAME]["forward"]["loss"] += 1.0
    path = tmp_path / "wrong.html"
    path.write_text(assemble.alone(wrong), encoding="utf-8")
    assert "differs from NumPy" in opened(path=path).page.locator("#parity-badge.bad").inner_text()


def test_log_p_of_x_is_compared_too_where_numpy_s_is_in_the_page(opened, tmp_path):
    trained, image = vitral.load("tiny"), packing.unpack(content()["arrays"]["images"])[0]
    own = golden(trained.model, packed_theta(trained)[1], image, prefix=f"{NAME}/", evidence=True)
    for name, value, said in (("right", 0.0, "log p(x) within"), ("wrong", 0.1, "differs from NumPy: log p(x)")):
        own["evidence"]["log_px"] += value
        path = tmp_path / f"{name}.html"
        path.write_text(assemble.alone({**content(), "golden": {NAME: own}}), encoding="utf-8")
        view = opened(path=path)
        view.until("document.getElementById('parity-badge').dataset.evidence")
        assert said in view.page.locator("#parity-badge").inner_text()
        assert view.page.locator(f"#parity-badge.{'bad' if value else 'good'}").count() == 1


def test_a_figure_that_fails_says_so_and_the_others_go_on(opened, small_page, tmp_path):
    planted = """Vitral.widgets.add({ id: "w00", title: "w03.title", section: "machine",
      mount() { throw new Error("planted"); } });"""
    start = "Vitral.shell.start(document"
    page = small_page.read_text(encoding="utf-8")
    assert page.count(start) == 1
    path = tmp_path / "failing.html"
    path.write_text(page.replace(start, planted + start), encoding="utf-8")
    view = opened(path=path)
    assert "planted" in view.page.locator("#w00 .absent").inner_text()
    assert view.page.locator("#w03 .plane-surface").count() == 1
    assert any("planted" in problem for problem in view.problems)
    view.problems.clear()


def test_the_facts_are_folded_on_a_phone_only(opened):
    folded = "!document.querySelector('.honesty details').open"
    assert [opened(width=width).page.evaluate(folded) for width in (360, 1280)] == [True, False]


def test_the_switch_changes_every_text_and_the_way_numbers_are_written(opened):
    view = opened("#w03&depth=code&z=0.4,-1.1")
    words = differing()
    before = set(view.page.evaluate(LEAVES))
    assert before & words["en"]
    assert not before & words["pt-BR"]
    view.page.get_by_role("button", name="Português").click()
    after = set(view.settle().page.evaluate(LEAVES))
    assert sorted(after & words["en"]) == []
    assert len(after & words["pt-BR"]) > 0.9 * len(before & words["en"])  # some of them are the same in one language
    assert "z = (0,40; −1,10)" in view.page.locator("#w03 .told").inner_text()
    assert view.page.locator("#w03 .slider input.number").first.input_value() == "0,40"
    assert view.page.title() == "Explorador do Vitral: mnist"
    view.until("location.hash.includes('lang=pt-BR')")


def test_the_address_restores_the_state_and_follows_it(opened):
    view = opened(SITUATION + "&w03.ground=density")
    wanted = {
        "lang": "pt-BR", "depth": "numbers", "theme": "dark", "image": 7, "z": [0.4, -1.1], "beta": 2.5, "seed": 9,
        "pins": [[0, 0], [1, -1]], "w03.ground": "density",
    }  # fmt: skip
    assert {name: view.state()[name] for name in wanted} == wanted
    view.set(z=[1.5, 0.25], pins=[[2, 2]])
    view.until("location.hash.includes('z=1.5,0.25')")
    view.page.evaluate("location.hash = '#w03'")
    view.until("location.hash.includes('z=1.5,0.25')")
    assert view.state()["lang"] == "pt-BR"
    again = opened(view.page.evaluate("location.hash"))
    assert again.state() == view.state()


def test_an_address_with_nonsense_is_mended(opened):
    state = opened("#w03&image=99999&z=1,2,3&model=none&depth=look&seed=x&pins=1,2,3").state()
    assert (state["image"], state["model"], state["seed"], state["pins"]) == (0, NAME, 1, [])
    assert len(state["z"]) == 2


def test_a_page_without_images_gives_every_model_a_code_of_its_own_length(opened, tmp_path):
    made = many().content
    arrays = {name: entry for name, entry in made["arrays"].items() if not name.startswith("images")}
    path = tmp_path / "withheld.html"
    path.write_text(assemble.alone({**made, "arrays": arrays}), encoding="utf-8")
    view = opened("#w16", path=path)
    assert len(view.state()["z"]) == 2
    view.set(model="latent-5-beta_1")
    codes = packing.unpack(arrays["latent-5-beta_1/codes"])
    np.testing.assert_allclose(view.state()["z"], codes[0], atol=1e-4)
    view.until("document.querySelector('#w16-body').dataset.drawn.split(',').length === 5")
    assert len(view.set(model="latent-2-beta_4").state()["z"]) == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility_rules_hold_and_a_phone_shows_all_of_it(opened, language, theme):
    view = opened("#w03&depth=code&pins=0,0;1,1&w03.forces=true", width=360, height=780, language=language, theme=theme)
    assert view.axe() == []
    assert view.overflow() == []
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 360
    view.shot(f"phone-{language}-{theme}")
    view.page.set_viewport_size({"width": 1280, "height": 900})
    assert view.settle().overflow() == []
    view.shot(f"desktop-{language}-{theme}")


def test_the_depth_switch_shows_more_and_more(opened):
    view = opened("#w03")

    def shown():
        return [view.page.locator(f"#w03 {name}").first.is_visible() for name in (".look", ".at-numbers", ".at-code")]

    assert shown() == [True, False, False]
    view.press(".bar input[type=radio]:checked", "ArrowRight")
    assert shown() == [True, True, False]
    view.press(".bar input[type=radio]:checked", "ArrowRight")
    assert shown() == [True, True, True]
    assert view.page.locator("#w03 math mfrac, #w03 math msup").count() > 0


def test_the_theme_switch_rules_over_the_system(opened):
    view = opened(theme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = view.page.evaluate(paper)
    view.set(theme="dark")
    assert view.page.evaluate(paper) != light
    view.page.emulate_media(color_scheme="dark")
    dark = view.set(theme="auto").page.evaluate(paper)
    assert view.set(theme="light").page.evaluate(paper) == light != dark


def test_paper_shows_figures_in_the_state_of_now(opened):
    view = opened("#w03&z=0.4,-1.1&depth=numbers")
    view.page.emulate_media(media="print")
    for name in (".bar", ".settings", ".contents", "#w03 .exports", "#w03 input[type=range]", "#w03 .answers"):
        assert not view.page.locator(name).first.is_visible(), name
    for name in ("#w03 .plane-surface canvas", "#w03 canvas.large", "#w03 .told", "#w03 .facts", ".honesty"):
        assert view.page.locator(name).first.is_visible(), name
    assert "z = (0.40, −1.10)" in view.page.locator("#w03 .told").inner_text()
    assert len(view.page.pdf()) > 10_000


NUMBERS = {
    "en": {"1,234.5": 1234.5, "0.5": 0.5, "−2.25": -2.25, "0,5": 0.5, "1,234": 1234, "3": 3, "1e-3": 1e-3, ".5": 0.5},
    "pt-BR": {
        "1.234,5": 1234.5, "0,5": 0.5, "−2,25": -2.25, "0.5": 0.5, "1.234": 1234, "3": 3, "1e-3": 1e-3, ",5": 0.5,
    },
}  # fmt: skip
WRITTEN = {
    "en": ["1,234.50", "−0.25", "0.00", "+3.00", "–", "3.2 × 10⁻⁷", "(0.40, −1.10)"],
    "pt-BR": ["1.234,50", "−0,25", "0,00", "+3,00", "–", "3,2 × 10⁻⁷", "(0,40; −1,10)"],
}


def test_numbers_are_read_and_written_as_the_language_does(opened):
    view = opened()
    for language in LANGUAGES:
        view.set(lang=language)
        texts = list(NUMBERS[language])
        assert view.page.evaluate("(texts) => texts.map(Vitral.shell.parse)", texts) == list(NUMBERS[language].values())
        read = "(texts) => texts.map((text) => String(Vitral.shell.parse(text)))"
        assert view.page.evaluate(read, ["", "x", "1 2 x", "--1", "1,2,3,4"]) == ["NaN"] * 5
        written = view.page.evaluate(
            """() => { const { number, small, vector } = Vitral.shell; return [number(1234.5, 2), number(-0.25, 2),
            number(-0.001, 2), number(3, 2, {signed: true}), number(NaN, 2), small(3.2e-7), vector([0.4, -1.1])]; }"""
        )
        assert [one.replace("\u202f", " ") for one in written] == WRITTEN[language]


def test_the_loader_gives_the_very_bits_that_were_packed(opened):
    values = np.random.default_rng(3).normal(size=(5, 7)).astype(np.float32)
    levels = np.arange(35).reshape(5, 7) * 7
    packed = {
        "f4": packing.floats(values), "f2": packing.floats(values * 1e-3, "f2"), "q8": packing.weights(values),
        "i2": packing.spread(values), "delta": packing.spread(values, delta=7),
        "grey": packing.greys(levels / 255, 15, delta=7),
        "u1": packing.integers(levels, "u1"), "i4": packing.integers(levels * 99991, "i4"),
    }  # fmt: skip
    entries = {name: one.entry for name, one in packed.items()}
    read = opened().page.evaluate(
        """async (entries) => { const found = {}; for (const [name, entry] of Object.entries(entries))
        found[name] = Array.from((await Vitral.shell.unpacked(entry)).data); return found; }""",
        entries,
    )
    for name, entry in entries.items():
        whole = packing.unpack(entry).ravel().astype(float)
        np.testing.assert_array_equal(np.asarray(read[name]), whole, err_msg=name)


def test_the_page_holds_the_images_and_weights_that_went_in(opened):
    view = opened()
    image = np.asarray(view.page.evaluate("Array.from(Vitral.shell.page.image(3))"))
    np.testing.assert_array_equal(image.astype(np.float32), digits()[0][3])
    arrays, _ = packed_theta(vitral.load("tiny"))
    name = f"{NAME}/decoder.2.W"
    held = np.asarray(view.page.evaluate(f"Array.from(Vitral.shell.page.array('{name}').data)"))
    np.testing.assert_array_equal(held, packing.unpack(arrays[name]).ravel())


def test_predictions_are_answered_with_the_numbers_of_this_model(opened):
    view = opened("#w03")
    arrays = content()["arrays"]
    codes = packing.unpack(arrays[f"{NAME}/codes"])
    share = 100 * float((np.hypot(*codes.T) > 2).mean())
    right = 0 if share < 11.5 else 2 if share > 15.5 else 1
    view.page.locator("#w03 .answer").nth((right + 1) % 3).click()
    verdict = view.page.locator("#w03 .verdict").inner_text()
    assert verdict.startswith("Not here.")
    assert f"{share:.1f}%" in verdict
    view.page.locator("#w03 .answer").nth(right).click()
    assert view.page.locator("#w03 .verdict").inner_text().startswith("Yes.")
