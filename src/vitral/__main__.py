"""``python -m vitral``: the command line."""

from vitral.cli import main

if __name__ == "__main__":
    main()
