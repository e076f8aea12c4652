"""Compiles the optional statistics kernel when the package is built from source.

No compiler, or one that fails, is no error: graphscope then measures with torch's own
kernels, which takes longer.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]


class KernelHook(BuildHookInterface[Any]):
    """Puts `statistics.so` beside its source, and the wheel's platform into its tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` is `editable` or `standard`."""
        del version
        if self.target_name != "wheel":
            return
        folder = Path(self.root, "graphscope", "capture", "kernel")
        library = folder / "statistics.so"
        if _compile(folder / "statistics.c", library):
            place = library.relative_to(self.root).as_posix()
            build_data["artifacts"].append(place)
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"


def _compile(source: Path, library: Path) -> bool:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        library.unlink(missing_ok=True)
        return False
    command = [compiler, *_FLAGS, "-o", str(library), str(source), "-lm"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        library.unlink(missing_ok=True)
        return False
    return True
