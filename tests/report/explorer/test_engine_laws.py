"""What holds for the explorer's engine by itself: derivatives, optimisers, draws; and the Jacobian against NumPy."""

import numpy as np
import pytest

from tests.report.explorer.models import MODELS, rows, trained_like
from tests.report.explorer.node import in_node, in_page
from vitral.parts.optimisers import SGD, Adam, Momentum

SMALL = 1e-6


@pytest.fixture(scope="module")
def models():
    """Every model as a page holds it, with two rows."""
    built = {name: spec.build() for name, spec in MODELS.items()}
    return {
        name: {**in_page(model, trained_like(model)), "x": rows(model, 2).ravel().tolist()}
        for name, model in built.items()
    }


def for_each(models, body, **given):
    """What ``body`` returns for every model, as ``model`` with its rows ``x``."""
    script = (
        "const of = ({description, arrays, x}) => { const model = new E.Model(description, (name) => arrays[name]); "
        f"{body} }}; return Object.fromEntries(Object.entries(given.models).map(([name, one]) => [name, of(one)]));"
    )
    return in_node(script, models=models, **given)


def test_gradients_are_slopes_of_the_loss(models):
    """Central differences in the browser's own arithmetic, at three entries of every tensor."""
    found = for_each(
        models,
        """
        const eps = E.noise(2, "eps", 0, 2 * model.latent), h = 1e-5, pairs = [];
        const {gradients} = model.step(x, eps, 0.8);
        const probe = (data, gradient, name) => {
          for (const u of E.uniform(3, name, 0, 3)) {
            const at = Math.floor(u * data.length), kept = data[at];
            data[at] = kept + h; const up = model.loss(x, eps, 0.8);
            data[at] = kept - h; const down = model.loss(x, eps, 0.8);
            data[at] = kept; pairs.push([gradient[at], (up - down) / (2 * h)]);
          }
        };
        for (const [name, {data}] of Object.entries(model.parameters)) probe(data, gradients[name], name);
        return pairs;
        """,
    )
    for name, pairs in found.items():
        analytic, numeric = np.array(pairs).T
        error = np.abs(analytic - numeric) / np.maximum(1.0, np.abs(numeric))
        assert error.max() < SMALL, name
        assert np.abs(analytic).max() > 0.01, name


def test_tangents_are_the_same_derivative_read_forwards(models):
    """<dy, J dx> = <Jᵀ dy, dx> for any dx and dy, through both networks."""
    found = for_each(
        models,
        """
        return ["encoder", "decoder"].map((part) => {
          const width = part === "encoder" ? model.features : model.latent;
          const input = E.noise(0, "input", 0, 2 * width), dx = E.noise(0, "dx", 0, 2 * width);
          const pass = E.chain(model[part], model.parameters, input), dy = E.noise(0, "dy", 0, pass.y.length);
          return [E.dot(dy, pass.tangent(dx)), E.dot(pass.backward(dy, null), dx)];
        });
        """,
    )
    for name, products in found.items():
        forwards, backwards = np.array(products).T
        np.testing.assert_allclose(forwards, backwards, rtol=1e-10, err_msg=name)
        assert np.abs(forwards).max() > 1e-3, name


def test_the_jacobian_is_that_of_numpys_mean_image(models):
    z, h = np.array([[0.3, -0.7, 0.2], [-1.1, 0.4, 0.9]]), 1e-6
    found = for_each(
        models,
        "const z = Float64Array.from(given.z.flatMap((row) => row.slice(0, model.latent)));"
        "return {J: E.jacobian(model, z), area: E.sensitivity(model, z)};",
        z=z.tolist(),
    )
    for name, spec in MODELS.items():
        model = spec.build()
        p, latent = model.views(trained_like(model)), model.posterior.latent
        moves = h * np.eye(latent)
        slopes = [(model.decode(p, z[:, :latent] + m) - model.decode(p, z[:, :latent] - m)) / (2 * h) for m in moves]
        np.testing.assert_allclose(np.array(found[name]["J"]).reshape(latent, 2, -1), slopes, atol=1e-7, err_msg=name)
        gram = np.einsum("lnd,mnd->nlm", slopes, slopes)
        area = np.sqrt(np.maximum(np.linalg.det(gram), 0.0))
        np.testing.assert_allclose(found[name]["area"], area, rtol=1e-4, atol=1e-8, err_msg=name)


def test_draws_have_the_mean_and_the_deviation_of_the_density(models):
    """Five standard errors for a mean of 800 draws a pixel; a quarter of the deviation for the deviation."""
    found = for_each(
        models,
        """
        const o = model.decode(E.noise(1, "z", 0, model.latent)), D = model.features, n = 800;
        const [sums, squares] = [E.zeros(D), E.zeros(D)];
        for (let k = 0; k < n; k++) {
          const drawn = model.sample(o, E.noise(5, "draw", k, D));
          E.add(sums, drawn);
          E.add(squares, E.map(drawn, (each) => each * each));
        }
        return {sums, squares, mean: model.mean(o), deviation: model.likelihood.deviation(o)};
        """,
    )
    for name, drawn in found.items():
        mean, deviation, sampled = (np.array(drawn[key], float) for key in ("mean", "deviation", "sums"))
        sampled /= 800
        assert (np.abs(sampled - mean) < 5.0 * deviation / np.sqrt(800)).all(), name
        scatter = np.sqrt(np.array(drawn["squares"]) / 800 - sampled**2)
        np.testing.assert_allclose(scatter, deviation, rtol=0.25, err_msg=name)


@pytest.mark.parametrize("optimiser, made", [(SGD(), "E.sgd()"), (Momentum(), "E.momentum()"), (Adam(), "E.adam()")])
def test_optimisers_take_numpys_steps(optimiser, made):
    rng = np.random.default_rng(0)
    theta, gradients = rng.standard_normal(6), rng.standard_normal((5, 6))
    found = in_node(
        f"""
        const numbers = (from, to) => ({{data: Float64Array.from(given.theta.slice(from, to))}});
        const p = {{a: numbers(0, 2), b: numbers(2, 6)}};
        const change = {made};
        for (const g of given.gradients) change(p, {{a: g.slice(0, 2), b: g.slice(2)}}, 0.03);
        return [...p.a.data, ...p.b.data];
        """,
        theta=theta.tolist(), gradients=gradients.tolist(),
    )  # fmt: skip
    state = optimiser.start(theta)
    for t, gradient in enumerate(gradients):
        optimiser.step(theta, gradient, state, t=t + 1, rate=0.03)
    np.testing.assert_allclose(found, theta, rtol=1e-12)


def test_a_few_steps_of_adam_lower_the_loss(models):
    found = for_each(
        models,
        """
        const own = model.copy(), eps = E.noise(2, "eps", 0, 2 * model.latent), change = E.adam(), losses = [];
        for (let t = 0; t < 20; t++) {
          const {loss, gradients} = own.step(x, eps, 1);
          losses.push(loss);
          change(own.parameters, gradients, 0.01);
        }
        return [losses[0], losses[19], model.loss(x, eps, 1)];
        """,
    )
    for name, (first, last, untouched) in found.items():
        assert last < first, name
        assert untouched == first, f"{name}: training a copy has changed the model"
