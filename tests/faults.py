"""Faults on demand: the n-th operation on the files of a folder fails, once or from then on.

    with Faults(folder, fail_at=7) as faults:
        ...
    faults.calls            # what was done, in order: ("write", "recipe.toml"), ...

What is wrapped is what Python's own file functions are made of: whoever opens, writes, flushes, syncs, replaces,
unlinks or makes a folder under ``folder`` is counted. Reading is not: it is damaged elsewhere.
"""

import errno
import io
import os
from pathlib import Path


class Faults:
    def __init__(self, folder, fail_at=None, *, lasting=False, error=errno.ENOSPC):
        self.folder = str(Path(folder).absolute())
        self.fail_at, self.lasting, self.error = fail_at, lasting, error
        self.calls = []
        self._names = {}  # of descriptors

    @property
    def hit(self):
        return self.fail_at is not None and len(self.calls) >= self.fail_at

    def happens(self, what, path):
        """Count one operation, and fail where it is its turn."""
        self.calls.append((what, Path(path).name))
        if self.fail_at is not None and (
            len(self.calls) == self.fail_at or (self.lasting and len(self.calls) > self.fail_at)
        ):
            raise OSError(self.error, os.strerror(self.error), str(path))

    def ours(self, path):
        return isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(self.folder)

    def __enter__(self):
        self._before = io.open, os.open, os.fsync, {name: getattr(os, name) for name in ("replace", "unlink", "mkdir")}
        io.open, os.open, os.fsync = self._open, self._os_open, self._fsync
        for name, function in self._before[3].items():
            setattr(os, name, self._counted(name, function))
        return self

    def __exit__(self, *_):
        io.open, os.open, os.fsync = self._before[:3]
        for name, function in self._before[3].items():
            setattr(os, name, function)

    def _counted(self, name, function):
        def counted(path, *rest, **more):
            if self.ours(path) and "dir_fd" not in more:
                self.happens(name, rest[0] if name == "replace" else path)
            return function(path, *rest, **more)

        return counted

    def _open(self, path, mode="r", *rest, **more):
        if not (self.ours(path) and set(mode) & set("wax+")):
            return self._before[0](path, mode, *rest, **more)
        self.happens("open", path)
        file = self._before[0](path, mode, *rest, **more)
        self._names[file.fileno()] = path
        return Written(file, path, self)

    def _os_open(self, path, flags, *rest, **more):
        if self.ours(path):
            self.happens("open", path)
        descriptor = self._before[1](path, flags, *rest, **more)
        self._names[descriptor] = path
        return descriptor

    def _fsync(self, descriptor):
        if self.ours(self._names.get(descriptor)):
            self.happens("fsync", self._names[descriptor])
        self._before[2](descriptor)


class Written:
    """A file that is written to, with every write and flush counted."""

    def __init__(self, file, path, faults):
        self._file, self._path, self._faults = file, path, faults

    def write(self, content):
        self._faults.happens("write", self._path)
        return self._file.write(content)

    def flush(self):
        self._faults.happens("flush", self._path)
        self._file.flush()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
