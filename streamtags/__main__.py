"""`python -m streamtags`: the command line, where `streamtags` is not on the PATH."""

import sys

from streamtags.cli import main

if __name__ == "__main__":
    sys.exit(main())
