"""In which call a quiet thread waits for other processes, if it does.

Read off the thread's frames, from outside and without torch: the thread may be deep in
C++ and answer nobody. Variables are never read, because a copy of them, which the frame
would keep, lets tensors live longer than the user's code does.
"""

import dis
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

_OURS: Final = str(Path(__file__).parents[1])
_OUR_CALL: Final = "<graphscope call>"
_C10D: Final = "torch.distributed.distributed_c10d"
_REPLICATED: Final = "torch.nn.parallel.distributed"
_HIDDEN: Final = ("contextlib.py", "functools.py", "runpy.py", "threading.py")
_LOADS: Final = frozenset({"LOAD_METHOD", "LOAD_ATTR"})

_PASSING_ON: Final = ("/_ops.py", "/_library/", "/_dynamo/", "/utils/_contextlib.py")
"""Files of torch that only hand a call on."""
_WAITING: Final = (
    "/distributed/distributed_c10d.py",
    "/distributed/c10d_logger.py",
    "/distributed/rendezvous.py",
    "/distributed/device_mesh.py",
    "/distributed/_functional_collectives.py",
    "/distributed/rpc/",
)
"""Files of torch whose functions talk to other processes and do nothing else."""
_UTILITIES: Final = "/distributed/utils.py"
_SHARDED: Final = ("/distributed/fsdp/", "/distributed/_composable/")
_DDP: Final = "/nn/parallel/distributed.py"
_ENGINE: Final = "_engine_run_backward"
_MAKING: Final = "DistributedDataParallel(), where parameters are compared"
_RUNNING: Final = "forward of DistributedDataParallel, where buffers are exchanged"
_LATE: Final = frozenset({"trigger_wait", "wait_tensor"})


def find_waiting(thread_ident: int) -> str:
    """Return the call in which a thread waits for other processes, and its line.

    Such as `all_reduce · train.py:41`; empty when it does not wait for any. Frames do
    not tell waiting from working, so ask only about a thread that has been quiet for
    about a second. Never raises. Any thread may ask.
    """
    try:
        frame = sys._current_frames().get(thread_ident)  # noqa: SLF001 - documented
        return "" if frame is None else describe_waiting(frame)
    except Exception:  # noqa: BLE001 - a thread that ends meanwhile, odd frames
        return ""


def describe_waiting(innermost: FrameType) -> str:
    """Return what `find_waiting` does, for a thread's innermost frame."""
    torch = _folder_of_torch()
    if not torch:
        return ""
    stack = list(_outwards(innermost, torch))
    call = _name_call(stack)
    if not call:
        return ""
    user = next((frame for frame, inside in stack if inside is None), None)
    if user is None:
        return call
    return f"{call} · {Path(user.f_code.co_filename).name}:{user.f_lineno}"


def _folder_of_torch() -> str:
    file = getattr(sys.modules.get("torch"), "__file__", None)
    return str(Path(file).parent) if file else ""


def _outwards(frame: FrameType, torch: str) -> Iterator[tuple[FrameType, str | None]]:
    """Yield frames, innermost first, each with its file inside of torch or None.

    Without those that are nobody's: ours, the interpreter's, and what passes calls on.
    """
    found: FrameType | None = frame
    while found is not None:
        code = found.f_code
        file = code.co_filename
        if file.startswith(torch):
            inside = file[len(torch) :].replace("\\", "/")
            if not inside.startswith(_PASSING_ON):
                yield found, inside
        elif not _is_nobodys(code):
            yield found, None
        found = found.f_back


def _is_nobodys(code: CodeType) -> bool:
    file = code.co_filename
    is_ours = code.co_name == _OUR_CALL or file.startswith(_OURS)
    return is_ours or file.startswith("<frozen") or file.endswith(_HIDDEN)


def _name_call(stack: list[tuple[FrameType, str | None]]) -> str:
    """Name what the innermost frame waits in, empty when it waits in nothing."""
    if not stack:
        return ""
    frame, inside = stack[0]
    name = frame.f_code.co_name
    if inside is not None and inside.startswith(_WAITING):
        return _name_collective(stack)
    if inside == _UTILITIES and name.startswith(("_verify", "_sync")):
        return _name_replicated(stack) or _plain(name)
    if inside == _DDP:
        return _name_replicated(stack)
    if name == _ENGINE and _world_size() > 1 and _is_replicated():
        return "backward, where gradients are exchanged"
    if _world_size() and calls_wait(frame):
        return "wait" + _around(stack)
    return ""


def _name_collective(stack: list[tuple[FrameType, str | None]]) -> str:
    """Name the outermost function of those that wait: the one that was called."""
    name, is_public = "", False
    for frame, inside in stack:
        if inside is None or not inside.startswith(_WAITING):
            break
        found = frame.f_code.co_name
        if found == "wrapper":
            continue
        if not found.startswith("_") or not is_public:
            name, is_public = found, not found.startswith("_")
    return _plain(name) + _around(stack)


def _around(stack: list[tuple[FrameType, str | None]]) -> str:
    """Say on whose behalf torch itself waits, before the user's code is reached."""
    is_sharded, is_backward = False, False
    for frame, inside in stack:
        if inside is None:
            break
        is_sharded = is_sharded or inside.startswith(_SHARDED)
        is_backward = is_backward or frame.f_code.co_name == _ENGINE
    if is_sharded:
        return f", in the {'backward' if is_backward else 'forward'} of FSDP"
    return ", in backward" if is_backward else ""


def _name_replicated(stack: list[tuple[FrameType, str | None]]) -> str:
    """Name what DistributedDataParallel waits in, empty where it is not on the way."""
    names = set()
    for frame, inside in stack:
        if inside is None:
            break
        if inside == _DDP:
            names.add(frame.f_code.co_name)
    if not names:
        return ""
    return _MAKING if "__init__" in names else _RUNNING


def _plain(name: str) -> str:
    return "wait" if name in _LATE else name.strip("_")


def _world_size() -> int:
    """Return how many processes train together; 0 when this one has joined none."""
    c10d: Any = sys.modules.get(_C10D)
    if c10d is None or not c10d.is_initialized():
        return 0
    return int(c10d.get_world_size())


def _is_replicated() -> bool:
    """Whether there is a DistributedDataParallel; found among what refers to it."""
    home = sys.modules.get(_REPLICATED)
    kind: Any = getattr(home, "DistributedDataParallel", None)
    if kind is None:
        return False
    if not _FOUND:
        kinds = [kind, *kind.__subclasses__()]
        if any(type(one) in kinds for one in gc.get_referrers(*kinds)):
            _FOUND.append(kind.__name__)
    return bool(_FOUND)


_FOUND: Final[list[str]] = []  # looking for one takes milliseconds: once is enough


def calls_wait(frame: FrameType) -> bool:
    """Whether a frame is just calling a method `wait` that is not written in Python.

    That of a collective that was begun before leaves no frame of its own.
    """
    code, at = frame.f_code, frame.f_lasti
    here, found = None, []
    for instruction in dis.get_instructions(code):
        if instruction.offset > at:
            break
        if instruction.opname in _LOADS:
            found.append(instruction)
        here = instruction
    if here is None or "CALL" not in here.opname:
        return False
    start = _start_of(here)
    if start is not None:  # the name of a method and its call begin at one place
        found = [load for load in found if _start_of(load) == start]
    return bool(found) and found[-1].argval == "wait"


def _start_of(instruction: dis.Instruction) -> tuple[int, int] | None:
    positions = instruction.positions
    if positions is None or positions.lineno is None or positions.col_offset is None:
        return None
    return positions.lineno, positions.col_offset
