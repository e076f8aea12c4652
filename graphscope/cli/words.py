"""Which words of a command line are graphscope's, and which the script's."""

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


class RunCommand(TyperCommand):
    """`run`: like python's, its options end where the script or `-m MODULE` begins."""

    def collect_usage_pieces(self, _ctx: Any) -> list[str]:
        """Return what the line that begins with `Usage:` says."""
        return ["[OPTIONS]", "(SCRIPT | -m MODULE)", "[ARGS]..."]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; everything behind the script is the script's."""
        takes_value = {
            name
            for option in self.get_params(ctx)
            if not getattr(option, "is_flag", True)
            for name in option.opts
        }
        own, words = split_words(args, takes_value)
        rest = super().parse_args(ctx, [*own, "--", *words])
        if ctx.params["module"] is None and not ctx.params["words"]:
            ctx.fail("Missing argument 'SCRIPT'.")
        return rest


def split_words(
    args: Sequence[str], takes_value: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return our own options, and the words that the script's command line has.

    With `-m MODULE` the module is the last of our own, as it is of python's.

    >>> takes_value = {"--break", "-o", "-m"}
    >>> split_words(["--break", "b", "train.py", "--", "-m"], takes_value)
    (['--break', 'b'], ['train.py', '--', '-m'])
    >>> split_words(["-or.gscope", "-m", "zoo", "-o", "x"], takes_value)
    (['-or.gscope', '-m', 'zoo'], ['-o', 'x'])
    """
    index = 0
    while index < len(args):
        word = args[index]
        if word == "--":
            return list(args[:index]), list(args[index + 1 :])
        if not word.startswith("-") or word == "-":
            break
        index += 2 if word in takes_value else 1
        if word.startswith("-m"):
            break
    return list(args[:index]), list(args[index:])
