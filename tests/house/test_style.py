"""The habits of the house hold, and every law of them bites."""

from pathlib import Path

import pytest

from tests.house import style

ROOT = Path(__file__).parents[2]


def plant(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def function(lines):
    return "def f():\n" + "    a = 1\n" * (lines - 1)


@pytest.mark.parametrize("law", style.LAWS)
def test_the_house_keeps_the_law(law):
    assert law(ROOT) == []


def test_a_file_of_401_lines_is_too_long(tmp_path):
    plant(tmp_path, "src/vitral/a.py", "a = 1\n" * 400)
    assert style.long_files(tmp_path) == []
    plant(tmp_path, "src/vitral/b.py", "a = 1\n" * 401)
    assert style.long_files(tmp_path) == ["src/vitral/b.py: 401 lines, at most 400: cut it into a folder"]


def test_a_median_of_thirteen_lines_is_too_long(tmp_path):
    plant(tmp_path, "src/vitral/a.py", function(12))
    assert style.long_functions(tmp_path) == []
    plant(tmp_path, "src/vitral/a.py", function(13))
    assert style.long_functions(tmp_path) == ["the median function has 13 lines, at most 12"]


def test_nine_functions_in_ten_have_at_most_35_lines(tmp_path):
    plant(tmp_path, "src/vitral/a.py", function(5) * 9 + function(36))
    assert style.long_functions(tmp_path) == []
    plant(tmp_path, "src/vitral/a.py", function(5) * 8 + function(36))
    assert "more than a tenth of the functions pass 35 lines" in style.long_functions(tmp_path)[0]


def test_the_length_of_a_function_counts_its_docstring_and_what_is_nested_in_it(tmp_path):
    plant(
        tmp_path,
        "src/vitral/a.py",
        'class A:\n    def f(self):\n        """Say.\n\n        More.\n        """\n'
        "        def g():\n            return 1\n        return g\n",
    )
    assert style.function_lengths(tmp_path) == {"src/vitral/a.py:2 f": 8, "src/vitral/a.py:7 g": 2}


@pytest.mark.parametrize("page", style.READING_ORDER)
def test_a_page_of_the_reading_order_is_there_and_fits_into_one_sitting(page, tmp_path):
    (tmp_path / "src").mkdir()
    assert f"{page}: missing from the reading order" in style.missing_reading(tmp_path)
    plant(tmp_path, page, "a line\n" * 150)
    assert style.long_reading(tmp_path) == []
    assert all(page not in one for one in style.missing_reading(tmp_path))
    plant(tmp_path, page, "a line\n" * 151)
    assert style.long_reading(tmp_path) == [f"{page}: 151 lines, at most 150 in the reading order"]


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "X" * 3])
@pytest.mark.parametrize("place", ["run.py", "src/vitral/data/mnist.py"])
def test_work_put_off_is_caught(mark, place, tmp_path):
    plant(tmp_path, place, f"a = 1\nb = 2  # {mark}: later\n")
    assert style.unfinished(tmp_path) == [f"{place}, line 2: b = 2  # {mark}: later"]


FORBIDDEN = {
    "print": ("study/run.py", "print('done')", "print( outside the command line"),
    "bare except": ("data/a.py", "try:\n    a = 1\nexcept:\n    pass", "catches everything"),
    "except Exception": ("data/a.py", "try:\n    a = 1\nexcept Exception:\n    pass", "catches everything"),
    "except among others": (
        "data/a.py",
        "try:\n    a = 1\nexcept (OSError, BaseException) as e:\n    pass",
        "catches everything",
    ),
    "global seed": (
        "core/a.py",
        "import numpy as np\nnp.random.seed(0)",
        "np.random.seed: the global generator",
    ),
    "global numbers": ("data/a.py", "import numpy\nx = numpy.random.rand(3)", "np.random.rand: the global"),
    "pickle": ("data/a.py", "def f():\n    import pickle", "imports pickle"),
    "from pickle": ("data/a.py", "from pickle import loads", "imports pickle"),
    "allow_pickle": ("data/a.py", "np.load(f, allow_pickle=True)", "allow_pickle=True"),
    "allow_pickle from elsewhere": ("data/a.py", "np.load(f, allow_pickle=trusted)", "allow_pickle=True"),
    "silenced warnings": ("data/a.py", "warnings.filterwarnings('ignore')", "switches warnings off"),
    "simply silenced": ("data/a.py", "warnings.simplefilter('ignore', UserWarning)", "switches warnings off"),
    "stub": ("data/a.py", "def f():\n    raise NotImplementedError", "a stub"),
    "core opens a file": ("core/a.py", "def f():\n    return open('x')", "levels 0 to 2 touch no files"),
    "the model loads an array": (
        "model.py",
        "x = np.load('x', allow_pickle=False)",
        "levels 0 to 2 touch no files",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_forbidden_line_is_caught(case, tmp_path):
    name, text, sentence = FORBIDDEN[case]
    found = style.forbidden(plant(tmp_path, f"src/vitral/{name}", text + "\n"))
    assert len(found) == 1
    assert sentence in found[0]


ALLOWED = {
    "the command line prints": ("cli/main.py", "print('done')"),
    "a legacy generator object": (
        "study/replay.py",
        "import numpy as np\nr = np.random.RandomState(42)\nr.rand(3)",
    ),
    "a generator": ("core/a.py", "import numpy as np\nr = np.random.default_rng(np.random.SeedSequence(0))"),
    "allow_pickle=False": ("data/a.py", "np.load(f, allow_pickle=False)"),
    "named errors": ("data/a.py", "try:\n    a = 1\nexcept (OSError, ValueError):\n    raise"),
    "warnings made errors": ("data/a.py", "warnings.simplefilter('error')"),
    "data open files": ("data/a.py", "open('x')"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_an_allowed_line_is_left_alone(case, tmp_path):
    name, text = ALLOWED[case]
    assert style.forbidden(plant(tmp_path, f"src/vitral/{name}", text + "\n")) == []
