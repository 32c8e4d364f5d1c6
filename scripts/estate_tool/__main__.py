"""`python -m estate_tool`: what scripts/estate runs."""

import gc
import sys

from estate_tool.cli import main

code = main()
# Python looks at every object once more on its way out, 0.1 s once Pulumi's SDK is loaded.
gc.freeze()
sys.exit(code)
