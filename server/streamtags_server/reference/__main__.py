"""`python -m streamtags_server.reference`: write the references, or check them."""

import sys

from streamtags_server.reference.documents import main

sys.exit(main(sys.argv[1:]))
