"""``python -m llmlab`` is ``llmlab``."""

import sys

from .cli import main

sys.exit(main())
