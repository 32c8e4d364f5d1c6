"""The commands of `estate`, one module each.

HELP, EXAMPLES (command line, what for), `add_arguments(parser)`, and `run(args)` giving the exit code.
"""
