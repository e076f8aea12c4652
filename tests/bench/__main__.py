"""`make bench`: what capture, recording and the terminal UI cost on this machine."""

import platform
import tempfile
from pathlib import Path

import torch

from graphscope.capture.recorder import Recorder
from graphscope.storage.writer import RecordingWriter
from tests.bench.capturing import house_prices, measure_capture
from tests.bench.interface import measure_interface


def _record(path: Path, steps: int) -> None:
    writer = RecordingWriter(path, environment={})
    recorder = Recorder(writer.add)
    recorder.start()
    step = house_prices()
    for _ in range(steps):
        step()
    recorder.stop()
    writer.close()


def main() -> None:
    """Measure everything, and say on what."""
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, Python {platform.python_version()}, one thread, "
        f"{platform.machine()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "thousand.gscope"
        _record(recording, 1000)
        size_kib = recording.stat().st_size / 1024
        print(f"1,000 steps of the 4-sample regression: {size_kib:.0f} KiB")
        measure_interface(recording)
        measure_capture(Path(folder))


if __name__ == "__main__":
    main()
