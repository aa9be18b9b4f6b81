"""Freed memory: kept where the C library can, left alone where the user has spoken or a program only imports."""

import json
import os
import subprocess
import sys

import pytest

from vitral import allocator

PROGRAM = """
import json, resource, numpy, vitral
from vitral import allocator
{}
def step():
    made = [numpy.ones(500_000, "float32") for _ in range(20)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""
PAGES = 10 * 20 * 2_000_000 // 4096  # that ten steps write to

glibc = pytest.mark.skipif(not allocator.is_glibc(), reason="the C library is not glibc")


def faults(call, **variables):
    """How many pages a program had to ask the system for in ten equal steps."""
    named = [name for name, _, _ in allocator.SETTINGS]
    environment = {name: value for name, value in os.environ.items() if name not in named} | variables
    program = [sys.executable, "-c", PROGRAM.format(call)]
    said = subprocess.run(program, env=environment, capture_output=True, check=True)
    return json.loads(said.stdout)


@glibc
def test_a_step_finds_the_memory_of_the_last_one():
    assert faults("assert allocator.keep_freed_memory()") < PAGES / 100


@glibc
def test_the_line_for_a_program_of_ones_own_does_the_same():
    settings = dict(setting.split("=") for setting in allocator.line().removeprefix("export ").split())
    assert faults("", **settings) < PAGES / 100


@glibc
def test_importing_vitral_leaves_the_allocator_as_it_is():
    assert faults("") > PAGES / 4


@glibc
@pytest.mark.parametrize("name", [name for name, _, _ in allocator.SETTINGS])
def test_the_users_own_setting_stands(name, monkeypatch):
    monkeypatch.setattr(allocator, "_mallopt", lambda: pytest.fail("asked"))
    assert not allocator.keep_freed_memory({name: "1"})


def test_another_c_library_is_not_asked(monkeypatch):
    monkeypatch.setattr(allocator, "is_glibc", lambda: False)
    monkeypatch.setattr(allocator, "_mallopt", lambda: pytest.fail("asked"))
    assert not allocator.keep_freed_memory({})


def test_a_refusal_is_told(monkeypatch):
    monkeypatch.setattr(allocator, "is_glibc", lambda: True)
    monkeypatch.setattr(allocator, "_mallopt", lambda: lambda number, value: 0)
    assert not allocator.keep_freed_memory({})
