"""The kind of machine, as the manifest of a version has it."""

import platform
from pathlib import Path

from pipeline.system.machine import this_machine
from pipeline.system.resources import num_processors

TWO_PROCESSORS = """processor\t: 0
model name\t: Fast Processor 9000
flags\t\t: fpu vme avx2 sse4_2 fma

processor\t: 1
model name\t: Other
flags\t\t: avx512f
"""


def test_first_processor_is_described(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(TWO_PROCESSORS)
    machine = this_machine(file)
    assert machine.processor == "Fast Processor 9000"
    assert machine.instructions == ("avx2", "fma", "sse4_2")
    assert machine.processors == num_processors()
    assert machine.python == platform.python_version()


def test_features_of_arm_processors(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nFeatures\t: fp asimd crc32 sve\n")
    assert this_machine(file).instructions == ("asimd", "sve")


def test_systems_without_the_file(tmp_path: Path) -> None:
    machine = this_machine(tmp_path / "missing")
    assert machine.instructions == ()
    assert machine.processor
    assert platform.node() not in vars(machine).values()
