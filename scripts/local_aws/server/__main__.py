"""`python -m local_aws.server FOLDER PORT READY_FD`: the emulator's process, started by `estate local`."""

import sys

from local_aws.server.emulator import main

sys.exit(main(sys.argv[1:]))
