"""W24, what does 47 mean: every row of the ruler against NumPy, the reasons of grey ones, and the converter."""

import copy
import csv
import io
import json

import numpy as np
import pytest

import vitral
from tests.report.explorer import fixture, models
from tests.report.explorer.bench import ran
from tests.report.explorer.fixture import digits, packed_theta
from vitral.model import Batch
from vitral.report.explorer import assemble, packing
from vitral.report.explorer.golden import noise

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRAIN = 60
BASELINES = {
    "mean_image": {"sse": 52.0, "validation_sse": 51.0},
    "pca": {"2": {"sse": 43.0, "validation_sse": 44.0}, "10": {"sse": 27.0, "validation_sse": 26.5}},
}
TEST = {
    "loss": -31.0, "elbo": 31.0, "elbo_se": 2.0, "kl": 6.5, "sse": 40.0, "distortion": -37.5, "distortion_se": 2.1,
    "loss_at_mean": -32.0, "images": 1000, "log_px_hat": 47.0, "log_px_hat_se": 3.0, "importance_samples": 50,
    "importance_images": 200, "elbo_same_images": 42.0,
}  # fmt: skip


def levels(images):
    return packing.integers(np.rint(images * 255), "u1", scale=1 / 255).entry


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of grey levels with a run's numbers, one of bits, and one of grey levels under the loss of bits."""
    folder = tmp_path_factory.mktemp("ruler")
    made = {"measured": copy.deepcopy(fixture.content())}
    images, _ = digits()
    made["measured"]["arrays"]["train_images"] = levels(images[100 : 100 + TRAIN])
    made["measured"]["metrics"] = {"baselines": BASELINES}
    made["measured"]["models"][0]["metrics"] = {"test": TEST, "loss_constant": 0.0, "loss_is_likelihood": True}
    made["measured"]["models"][0]["objective"] = {"kind": "elbo", "beta": 1.0}
    spec = models.MODELS["conv_bernoulli"]
    model = spec.build()
    for name, rows in (("bits", bits(150)), ("loss", grey(150))):
        page = fixture.content_of(model, models.trained_like(model), spec.image_shape)
        page["arrays"] |= {"images": levels(rows[:40]), "train_images": levels(rows[40:])}
        rule = {"name": "mnist", "split": "official", "test": 10000, "shows_data": True}
        page["data"] |= {**rule, "binarisation": "dynamic" if name == "bits" else "none"}
        page["metrics"] = {"baselines": BASELINES}
        made[name] = page
    for name, page in made.items():
        (folder / f"{name}.html").write_text(assemble.alone(page), encoding="utf-8")
    return lambda name: folder / f"{name}.html"


def grey(n):
    return np.rint(255 * models.rows(models.MODELS["conv_bernoulli"].build(), n)) / 255


def bits(n):
    return (grey(n) > 0.4).astype(float)


def situation(view):
    view.until("document.querySelector('#w24-body').dataset.fitted === 'done'")
    return json.loads(view.settle().download("#w24 [data-export=json]"))


def rows_of(found):
    return {(row["key"] if row["id"] == "published" else row["id"]): row for row in found["rows"]}


def gaussian(sse, s2, features=784):
    return features / 2 * np.log(2 * np.pi * s2) + sse / (2 * s2)


def clustered(train, k=10):
    """Lloyd's rounds from rows evenly apart; the centres and the groups."""
    places = train[np.arange(k) * len(train) // k]
    for _ in range(25):
        near = ((train[:, None] - places) ** 2).sum(-1).argmin(1)
        places = np.array([train[near == i].mean(0) if (near == i).any() else places[i] for i in range(k)])
    return places, near


def mixed(costs, near, kept):
    weights = np.log([np.mean(near == i) for i in kept])
    return -np.logaddexp.reduce(weights - costs, axis=1).mean()


def test_rows_of_grey_levels_are_those_of_numpy(figure, pages):
    view = figure("#w24&depth=code&image=3", path=pages("measured"))
    found = situation(view)
    rows = rows_of(found)
    assert found["measure"] == "density"
    assert rows["mean_image"]["nats"] == pytest.approx(gaussian(52.0, 51.0 / 784))
    pca = {row["k"]: row["nats"] for row in found["rows"] if row["id"] == "pca"}
    assert pca == pytest.approx({2: gaussian(43.0, 44.0 / 784), 10: gaussian(27.0, 26.5 / 784)})
    assert (rows["elbo"]["nats"], rows["at_mean"]["nats"], rows["iwae"]["nats"]) == (-31.0, -32.0, -47.0)
    assert (rows["elbo_same"]["nats"], rows["elbo_same"]["images"]) == (-42.0, 200)  # what IWAE is to be held against
    assert rows["distortion"]["nats"] == -37.5
    assert view.page.locator("#w24 button.weights:visible").count() == 0  # the lines load no weights
    assert {row["group"] for row in found["rows"] if row["id"] in ("pca", "distortion")} == {"recon"}

    images = digits()[0].astype(np.float64)
    train = images[100 : 100 + TRAIN]
    places, near = clustered(train)
    kept = [i for i in range(10) if (near == i).any()]
    s2 = ((train - places[near]) ** 2).sum() / train.size
    costs = gaussian(((images[:, None] - places[kept]) ** 2).sum(-1), s2)
    assert rows["kmeans"]["nats"] == pytest.approx(mixed(costs, near, kept), rel=1e-5)

    trained = vitral.load("tiny")
    model, p = trained.model, trained.model.views(packed_theta(trained)[1].astype(np.float64))
    eps = np.array([noise(1, "explorer eps", 4000 + k, 2) for k in range(32)])
    terms, _, _ = model.run(p, Batch(images[3:4], images[3:4]), {"eps": eps[:, None]})
    wanted = terms.kl[0].sum() - terms.log_px.mean()
    assert rows["image"]["nats"] == pytest.approx(wanted, rel=1e-5)

    assert rows["independent"]["why"] == "constant"
    view.set(**{"w24.row": found["rows"].index(rows["independent"])})
    assert view.page.locator("#w24 .row-told").inner_text().startswith("Every pixel by itself: It has no number")
    assert {rows[key]["why"] for key in ("iwae-vae", "iwae-static")} == {"density"}
    assert rows["bit-swap"]["why"] == "levels"
    assert rows["bit-swap"]["nats"] == pytest.approx(1.29 * 784 * np.log(2))
    told = view.page.locator("#w24 .told").inner_text().replace("−", "-")
    assert "costs -31.0 nats" in told
    assert f"{rows['mean_image']['nats'] + 31:.1f} nats less than “Mean image”" in told
    view.page.locator("#w24 .answer").nth(2).click()  # 43 against 40
    assert view.page.locator("#w24 .verdict").inner_text().startswith("Yes.")
    table = list(csv.DictReader(io.StringIO(view.download("#w24 [data-export=csv]").decode())))
    assert len(table) == len(found["rows"])
    for row, one in zip(table, found["rows"], strict=True):
        assert row["compares"] == str(int(one["why"] is None if "why" in one else True))
        if one["nats"] is not None:
            assert float(row["bits_per_dimension"]) == pytest.approx(one["nats"] / (784 * np.log(2)))


WHY = """([known, row]) => Vitral.widgets.ruler.whyNot(
    {data: {name: "mnist", test: 10000, split: "official", ...known}}, "bits",
    {data: "mnist", pixels: "dynamic", ...row})"""


def test_bits_meet_what_was_published_and_say_why_not(figure, pages):
    view = figure("#w24", path=pages("bits"), width=360, language="pt-BR")
    found = situation(view)
    for known, row, why in (
        ({"binarisation": "dynamic"}, {}, None),
        ({"binarisation": "dynamic", "split": "large"}, {}, None),  # 59,600 to train on, the same test images
        ({"binarisation": "dynamic", "split": "notebook"}, {}, "split"),
        ({"binarisation": "dynamic", "test": 5000}, {}, "split"),
        ({"binarisation": "dynamic"}, {"pixels": "static"}, "binarisation"),
        ({"binarisation": "static"}, {"pixels": "static"}, "once"),
    ):
        assert view.page.evaluate(WHY, [known, row]) == why
    rows = rows_of(found)
    assert found["measure"] == "bits"
    train, test = bits(150)[40:], bits(150)[:40]

    def bernoulli(p):
        return -(test[:, None] * np.log(p) + (1 - test[:, None]) * np.log(1 - p)).sum(-1)

    chance = (train.sum(0) + 1) / (len(train) + 2)
    assert rows["independent"]["nats"] == pytest.approx(bernoulli(chance[None]).mean())
    _, near = clustered(train)
    kept = [i for i in range(10) if (near == i).any()]
    p = np.array([(train[near == i].sum(0) + 1) / ((near == i).sum() + 2) for i in kept])
    assert rows["kmeans"]["nats"] == pytest.approx(mixed(bernoulli(p), near, kept))

    spec = models.MODELS["conv_bernoulli"]
    model = spec.build()
    views = model.views(models.trained_like(model))
    costs = []
    for i, row in enumerate(test):
        eps = np.array([noise(1, "explorer eps", 1000 * (i + 1) + k, 2) for k in range(32)])
        terms, _, _ = model.run(views, Batch(row[None], row[None]), {"eps": eps[:, None]})
        costs.append(terms.kl[0].sum() - terms.log_px.mean())
    assert rows["elbo"]["nats"] == pytest.approx(np.mean(costs), rel=1e-5)
    assert rows["elbo"]["spread"] == pytest.approx(np.std(costs, ddof=1) / np.sqrt(40), rel=1e-4)
    assert rows["mean_image"]["why"] == rows["pca"]["why"] == "squared"
    whys = {key: row.get("why") for key, row in rows.items() if row["id"] == "published"}
    assert whys == {
        "iwae-vae": None, "iwae-50": None, "gated": None, "vamp": None, "exemplar": None, "residual": None,
        "iwae-static": "binarisation", "bit-swap": "levels",
    }  # fmt: skip


def test_a_loss_of_grey_levels_compares_with_nothing_but_itself(figure, pages):
    view = figure("#w24", path=pages("loss"))
    found = situation(view)
    rows = rows_of(found)
    assert found["measure"] == "loss"
    train, test = grey(150)[40:], grey(150)[:40]
    chance = (train.sum(0) + 1) / (len(train) + 2)
    wanted = -(test * np.log(chance) + (1 - test) * np.log(1 - chance)).sum(1)
    assert rows["independent"]["nats"] == pytest.approx(wanted.mean(), rel=1e-6)
    inside = test[(test > 0) & (test < 1)]
    floor = -(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum() / len(test)
    assert rows["floor"]["nats"] == pytest.approx(floor, rel=1e-6)
    assert rows["floor"]["nats"] < rows["loss"]["nats"]
    assert not {"elbo", "iwae", "kmeans"} & set(rows)
    assert {row["why"] for row in found["rows"] if row["id"] == "published"} == {"grey", "levels"}
    assert "cross-entropy" in view.page.locator("#w24 .look p").first.inner_text()


def test_the_converter_by_fields_and_sliders_and_rows_by_tap_and_keys(figure, pages, tmp_path, monkeypatch):
    view = figure("#w24&lang=pt-BR&depth=code", path=pages("measured"), width=360, touch=True)
    situation(view)
    assert view.state()["w24.mse"] == pytest.approx(40 / 784, rel=1e-3)  # begins with the run's own error
    view.type("#w24 .converter input.number >> nth=0", "0,055")
    view.type("#w24 .converter input.number >> nth=1", "3,6")
    for form, weight in (("mean", 1 / 784), ("half", 0.5), ("sum", 1.0)):
        view.page.locator(f"#w24 .converter input[value={form}]").evaluate("(one) => one.click()")
        one = situation(view)["converter"]
        assert one["sigma"] == pytest.approx(np.sqrt(0.055))
        assert one["beta"] == pytest.approx(1 / (2 * weight * 0.055))
        assert one["cost"] == pytest.approx(784 / 2 * (np.log(2 * np.pi * 0.055) + 1) + 3.6)
        assert one["loss"] == pytest.approx(weight * 784 * 0.055 + 3.6)
    assert one["loss"] == pytest.approx(46.72)  # what 47 may mean
    assert "SQE + KL dá 46,7" in view.page.locator("#w24 .told").inner_text()
    facts = view.page.locator("#w24 .converter .facts dd").all_inner_texts()
    assert facts[:2] == ["0,2345", "9,091"]
    view.page.locator("#w24 .converter .toggle").click()
    assert rows_of(situation(view))["converted"]["nats"] == pytest.approx(one["cost"])
    view.slide("#w24 .converter input[type=range] >> nth=1", 10)
    assert situation(view)["converter"]["kl"] == 10

    ruler = "#w24 .ruler"
    view.press(ruler, "ArrowDown", "ArrowDown", "ArrowUp")
    assert view.state()["w24.row"] == 1
    assert "k-means" in view.page.locator("#w24 .row-told").inner_text()
    names = [row["name"] for row in situation(view)["rows"]]
    view.place(f"{ruler} svg", (0.3, 0.5))  # in sight, and standing still
    box, group = (view.page.locator(one).bounding_box() for one in (f"{ruler} svg", f"{ruler} [data-row='4']"))
    view.touch(f"{ruler} svg", [(0.3, (group["y"] + 12 - box["y"]) / box["height"])])
    assert view.state()["w24.row"] == 4
    assert names[4] in view.page.locator("#w24 .row-told").inner_text()
    assert view.overflow() == []
    cut = view.page.locator(f"{ruler} svg text").evaluate_all(
        """(all) => { const right = ({x, width}) => x + width;
            return all.filter((one) => right(one.getBBox()) > one.ownerSVGElement.viewBox.baseVal.width)
                .map((one) => one.textContent); }"""
    )
    assert cut == []

    (tmp_path / "ruler.json").write_bytes(view.download("#w24 [data-export=json]"))
    monkeypatch.chdir(tmp_path)
    made = {}
    ran(view.page.locator("#w24 .at-code pre code").first.text_content(), made)
    assert made["minus_elbo"] == pytest.approx(784 / 2 * (np.log(2 * np.pi * 0.055) + 1) + 10)
    assert made["pca"]["2"] == pytest.approx(gaussian(43.0, 44.0 / 784))
    assert view.download("#w24 [data-export=png]").startswith(b"\x89PNG")
    assert b"<text" in view.download("#w24 [data-export=svg]")


def test_pages_without_images_and_of_plain_autoencoders_have_their_ruler(figure, tmp_path):
    for kind in ("autoencoder", "conv_gaussian_colours_odd_sizes"):
        spec = models.MODELS[kind]
        model = spec.build()
        path = tmp_path / f"{kind}.html"
        page = fixture.content_of(model, models.trained_like(model), spec.image_shape or (3, 4))
        path.write_text(assemble.alone(page), encoding="utf-8")
        view = figure("#w24", path=path)
        found = situation(view)
        assert {row["id"] for row in found["rows"]} <= {"kmeans", "independent", "published"}
        typed = gaussian(0.055 * model.features, 0.055, model.features) + 3.6
        assert found["converter"]["cost"] == pytest.approx(typed)
        assert view.page.locator("#w24 .ruler [data-row]").count() == len(found["rows"])
