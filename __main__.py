"""``python -m flatprior`` is the command ``flatprior``, whatever the path to it."""

from flatprior.analysis.cli import main

if __name__ == "__main__":
    main()
