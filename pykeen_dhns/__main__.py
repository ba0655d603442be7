"""``python -m pykeen_dhns``."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="python -m pykeen_dhns")
