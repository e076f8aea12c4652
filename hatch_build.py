"""Compiles the optional half of capture when the package is built from source.

No compiler, or one that fails, is no error: graphscope then does the same in Python and
with torch's own kernels, which takes longer.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]
_MAC_FLAGS = ["-undefined", "dynamic_lookup"]


class KernelHook(BuildHookInterface[Any]):
    """Puts the library beside its source, and Python and platform into the tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is `editable` or `standard`."""
        del version
        if self.target_name != "wheel":
            return
        folder = Path(self.root, "graphscope", "capture", "kernel")
        library = folder / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"
        if _compile(sorted(folder.glob("*.c")), library):
            place = library.relative_to(self.root).as_posix()
            build_data["artifacts"].append(place)
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def _compile(sources: list[Path], library: Path) -> bool:
    library.unlink(missing_ok=True)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        return False
    flags = [*_FLAGS, *(_MAC_FLAGS if sys.platform == "darwin" else [])]
    headers = f"-I{sysconfig.get_path('include')}"
    command = [compiler, *flags, headers, "-o", str(library), *map(str, sources), "-lm"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        library.unlink(missing_ok=True)
        return False
    return True
