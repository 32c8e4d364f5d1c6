"""The commands of `estate`, one module each: HELP, `add_arguments(parser)`, and `run(args)` giving the exit code."""
