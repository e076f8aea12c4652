"""Makes `python -m graphscope` the same as the command `graphscope`."""

from graphscope.cli.main import run

run()
