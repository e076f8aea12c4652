"""The first file that python runs in a process of a script; see `session.child`.

Its name is for python: warnings are not attributed to files that are called so. A
script that warns at its top level would otherwise see them point here.
"""

import os
import sys

if __name__ == "__main__":
    # Python has put this folder where the script's will be. Nothing but graphscope
    # itself is looked for beside it: what else is there may have any names.
    is_first = not sys.flags.safe_path
    sys.path[:is_first] = [os.path.realpath(__file__).rsplit(os.sep, 3)[0]]
    import graphscope  # noqa: F401

    del sys.path[0]
    from graphscope.session.child import main

    main()
