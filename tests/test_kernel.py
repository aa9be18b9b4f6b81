"""The BLAS kernel: named only where it is better and safe, only before NumPy, and checked by a product."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from vitral import kernel
from vitral.errors import ResourceError

ZEN_4 = "processor : 0\nmodel name : AMD EPYC 9R14\nflags : fpu avx2 " + " ".join(sorted(kernel.NEEDED)) + "\n"
ZEN_3 = "processor : 0\nmodel name : AMD EPYC 7R13\nflags : fpu avx avx2 fma\n"


@pytest.fixture
def wide(monkeypatch):
    """A processor with every instruction, and no NumPy yet."""
    monkeypatch.setattr(kernel, "instructions", lambda: kernel.NEEDED)
    monkeypatch.setattr(kernel, "bundled", lambda: True)
    monkeypatch.delitem(sys.modules, "numpy")


def test_the_wide_kernel_is_named_where_the_processor_has_every_instruction(wide):
    environment = {}
    assert kernel.choose(environment) == "SkylakeX"
    assert environment == {"OPENBLAS_CORETYPE": "SkylakeX"}


def test_the_users_own_choice_stands(wide):
    environment = {"OPENBLAS_CORETYPE": "Haswell"}
    assert kernel.choose(environment) is None
    assert environment == {"OPENBLAS_CORETYPE": "Haswell"}


def test_nothing_is_named_after_numpy_is_loaded(wide, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", np)
    environment = {}
    assert kernel.choose(environment) is None
    assert environment == {}


def test_nothing_is_named_for_another_blas(wide, monkeypatch):
    monkeypatch.setattr(kernel, "bundled", lambda: False)
    assert kernel.choose({}) is None


@pytest.mark.parametrize("missing", sorted(kernel.NEEDED))
def test_one_missing_instruction_is_enough_to_name_none(missing):
    assert kernel.best(kernel.NEEDED) == kernel.WIDE
    assert kernel.best(kernel.NEEDED - {missing}) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked in another way")
def test_instructions_are_those_that_the_system_lists(tmp_path):
    listed = tmp_path / "cpuinfo"
    for text, wanted in ((ZEN_4, "SkylakeX"), (ZEN_3, None), ("Features : asimd sve\n", None)):
        listed.write_text(text, encoding="utf-8")
        assert kernel.best(kernel.instructions(listed)) == wanted
    assert kernel.instructions(tmp_path / "absent") == frozenset()


def test_what_is_lost_is_said_with_the_line_that_mends_it(wide):
    said = kernel.lost("Haswell")
    assert "OPENBLAS_CORETYPE=SkylakeX" in said
    assert kernel.lost("SkylakeX") is None
    assert kernel.lost(None) is None


@pytest.mark.parametrize("chosen, lines", [({}, 1), ({kernel.VARIABLE: "Haswell"}, 0)])
def test_a_program_is_told_once_and_not_where_it_has_chosen(chosen, lines, wide, monkeypatch, caplog):
    monkeypatch.setattr(kernel, "blas", lambda: {"kernel": "Haswell"})
    monkeypatch.setattr(os, "environ", chosen)
    kernel.hint.cache_clear()
    for _ in range(3):
        kernel.hint()
    assert [record.getMessage() for record in caplog.records] == [kernel.lost("Haswell")] * lines
    kernel.hint.cache_clear()


def test_a_kernel_that_multiplies_wrongly_is_found(monkeypatch):
    kernel.verify("Haswell")
    slip = np.zeros((kernel.CHECKED, kernel.CHECKED))
    slip[5, 7] = 1
    monkeypatch.setattr(kernel, "product", lambda a, b: a @ b + slip.astype(a.dtype))
    with pytest.raises(ResourceError, match="--kernel off"):
        kernel.verify("SkylakeX")


def environment_of(code, *flags, **variables):
    """OPENBLAS_CORETYPE in a new process after ``code``."""
    asked = {name: value for name, value in os.environ.items() if name != kernel.VARIABLE} | variables
    ending = f"\nimport json, os; print(json.dumps(os.environ.get({kernel.VARIABLE!r})))"
    done = subprocess.run([sys.executable, *flags, "-c", code + ending], capture_output=True, text=True, env=asked)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


FAKE = "import vitral.kernel as k; k.instructions = lambda: k.NEEDED; k.bundled = lambda: True\n"


def test_importing_vitral_leaves_the_process_as_it_is():
    assert environment_of(FAKE + "import vitral, vitral.api") is None


def test_the_command_line_chooses_unless_it_is_told_not_to():
    """--help leaves before any product, so that the name alone is tried: this processor may lack the kernel."""
    call = FAKE + "from vitral.cli import main\ntry: main([{}'info', '--help'])\nexcept SystemExit: pass"
    assert environment_of(call.format("")) == "SkylakeX"
    assert environment_of(call.format("'--kernel', 'off', ")) is None
    assert environment_of(call.format(""), VITRAL_KERNEL="off") is None
