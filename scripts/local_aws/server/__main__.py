"""`python -m local_aws.server supervisor|emulator …`: the processes; people use `estate local`."""

import importlib
import sys

sys.exit(importlib.import_module(f"local_aws.server.{sys.argv[1]}").main(sys.argv[2:]))
