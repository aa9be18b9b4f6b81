"""The numbers of docs/derivations/objectives.md about gradients without the score, measured again."""

import numpy as np
import pytest

from tests.docs import pages
from vitral.checks import bounds
from vitral.core.randomness import draw, stream
from vitral.model import Batch
from vitral.parts.objectives import IWAE, STL, DReG

PAGE = pages.text("derivations/objectives.md")
ESTIMATORS = (IWAE(), DReG(), STL(bound="iwae"))
BATCHES, COPIES = 100, 200


def spread(objective, samples):
    """Mean, and standard deviation for one row, of d loss / d bias of mu, over 20,000 copies of one row."""
    model, p, x = bounds.poor_posterior(0)
    x, slopes = np.repeat(x[:1], COPIES, axis=0), []
    for number in range(BATCHES):
        grad = np.zeros(model.parameters)
        noise = draw(
            model.posterior.noise_shapes(samples, COPIES), stream(3, "score", samples, number), "float64"
        )
        model.loss(p, Batch(x, x), noise, objective, COPIES)[1](model.views(grad))
        slopes.append(next(iter(model.views(grad).encoder)).b[0])
    return np.mean(slopes), np.std(slopes, ddof=1) * np.sqrt(COPIES)


@pytest.mark.parametrize(
    "row", pages.table_after(PAGE, "**Gradient of a bias**"), ids=lambda row: f"K={row[0]}"
)
def test_the_table_of_gradients_is_what_the_code_gives(row):
    """Means and standard deviations to the digits that the page prints."""
    for objective, cell in zip(ESTIMATORS, row[1:], strict=True):
        expected = [float(number) for number in cell.split("±")]
        np.testing.assert_allclose(spread(objective, int(row[0])), expected, rtol=0, atol=5.1e-4)


def test_the_table_says_what_the_page_says_about_it():
    """DReG has IWAE's mean with a smaller spread; sticking the landing has another mean once K is above 1."""
    table = pages.table_after(PAGE, "**Gradient of a bias**")
    rows = {int(k): [[float(n) for n in cell.split("±")] for cell in cells] for k, *cells in table}
    assert set(rows) == {1, 4, 16}
    for k, (iwae, dreg, stl) in rows.items():
        error = 5 * np.hypot(iwae[1], dreg[1]) / np.sqrt(BATCHES * COPIES)
        assert abs(iwae[0] - dreg[0]) < error
        assert dreg[1] < iwae[1]
        assert (abs(iwae[0] - stl[0]) > error) == (k > 1)
