"""`python -m emoforge` is the command line."""

from emoforge.cli import main

if __name__ == "__main__":
    main()
