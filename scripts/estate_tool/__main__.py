"""`python -m estate_tool`: what scripts/estate runs."""

import sys

from estate_tool.cli import main

sys.exit(main())
