"""`python -m napari_focusqc.cli`, the same as `focusqc`.

Room: cli.
"""

import sys

from napari_focusqc.cli.commands import main

sys.exit(main())
