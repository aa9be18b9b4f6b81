"""Callbacks by scikit-learn 1.9's protocol, duck-typed: the same with and without that version."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vitral.errors import UsageError
from vitral.estimator import VAE, ConditionalVAE

SMALL = {"hidden": (8,), "max_iter": 4, "random_state": 0}
X = np.random.default_rng(0).standard_normal((60, 3))


class Recorder:
    """Writes down what it is called with, and asks for the end after so many epochs."""

    def __init__(self, stop_after=None):
        self.stop_after, self.calls, self.scores = stop_after, [], []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(("end", context.task_name, context.task_id))
        self.scores.append(fitted_estimator.score(X))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))


def test_the_hooks_are_called_in_order():
    """A fit is a task, each epoch a task within it."""
    recorder = Recorder()
    VAE(**SMALL).set_callbacks(recorder).fit(X)
    epochs = [(hook, "epoch", number) for number in range(4) for hook in ("begin", "end")]
    expected = [("setup", "fit"), ("begin", "fit", 0), *epochs, ("end", "fit", 0), ("teardown", "fit")]
    assert recorder.calls == expected


def test_the_fitted_estimator_is_the_model_so_far():
    """After epoch k it is what max_iter=k gives, and looking at it changes nothing."""
    recorder = Recorder()
    watched = VAE(**SMALL).set_callbacks(recorder).fit(X)
    assert recorder.scores[1] == VAE(**{**SMALL, "max_iter": 2}).fit(X).score(X)
    assert recorder.scores[-1] == watched.score(X)
    assert np.array_equal(watched.theta_, VAE(**SMALL).fit(X).theta_)


def test_a_callback_ends_the_training():
    """The model is that of two epochs, bit for bit."""
    stopped = VAE(**SMALL).set_callbacks(Recorder(stop_after=2)).fit(X)
    assert stopped.n_iter_ == 2
    assert np.array_equal(stopped.theta_, VAE(**{**SMALL, "max_iter": 2}).fit(X).theta_)


def test_teardown_comes_after_an_error_too():
    class Broken(Recorder):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 1:
                raise RuntimeError("no more")

    broken, recorder = Broken(), Recorder()
    with pytest.raises(RuntimeError, match="no more"):
        VAE(**SMALL).set_callbacks(recorder, broken).fit(X)
    assert broken.calls[-1] == recorder.calls[-1] == ("teardown", "fit")


@pytest.mark.parametrize("wrong", [object(), Recorder, "progress"])
def test_what_lacks_a_hook_is_refused(wrong):
    with pytest.raises(UsageError, match="setup, on_fit_task_begin"):
        VAE().set_callbacks(wrong)


def test_callbacks_are_taken_away_by_none():
    recorder = Recorder()
    VAE(**SMALL).set_callbacks(recorder).set_callbacks().fit(X)
    assert recorder.calls == []


def scored(estimator, X, y):
    return {"score": estimator.score(X, y)}


def test_scikit_learns_own_callback_watches_a_fit():
    """Its ScoringMonitor: one score an epoch, and one of the whole."""
    callback = pytest.importorskip("sklearn.callback")
    monitor, y = callback.ScoringMonitor(scoring=scored), np.arange(60) % 2
    VAE(**SMALL).set_callbacks(monitor).fit(X, y)
    scores = [entry["score"] for entry in monitor.get_logs().data]
    assert len(scores) == 5
    assert scores[0] == scores[-1] > scores[1]  # the fit, whose score is that of the last epoch; the first epoch
    beside = callback.ScoringMonitor(scoring=scored)
    ConditionalVAE(**SMALL).set_callbacks(beside).fit(X, y)
    assert len(beside.get_logs().data) == 5


def test_callbacks_that_a_search_lends_are_set_up_by_the_search():
    """One setup for all fits, and the tasks hang in the tree of the search."""
    pytest.importorskip("sklearn.callback")

    class Lent(Recorder):
        max_propagation_depth = None

        def on_fit_task_end(self, estimator, context, *, X=None):
            self.calls.append((type(estimator).__name__, context.task_name, context.root_uuid))
            return False

    lent = Lent()
    search = GridSearchCV(make_pipeline(StandardScaler(), VAE(**SMALL)), {"vae__n_components": [1, 2]}, cv=2)
    search.set_callbacks(lent).fit(X)
    ends = [call for call in lent.calls if call[0] == "VAE"]
    assert sum(call[0] == "setup" for call in lent.calls) == 1
    assert len([call for call in ends if call[1] == "epoch"]) == 5 * 4
    assert len({call[2] for call in ends}) == 1
