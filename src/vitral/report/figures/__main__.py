"""``python -m vitral.report.figures RUN LANGUAGE``: the figures of one language, in a process of its own."""

import sys

from vitral.report.figures import write_language
from vitral.report.language import language
from vitral.report.run_folder import read_run

if __name__ == "__main__":
    folder, code = sys.argv[1:]
    write_language(read_run(folder), language(code))
