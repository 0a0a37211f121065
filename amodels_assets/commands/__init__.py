"""The subcommands of ``amodels``, one a file; each is thin over a room's public functions."""
