"""`python -m sim`: see `sim.run`."""

import sys

from sim.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
