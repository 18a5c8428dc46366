"""The kind of machine that a program runs on: the last bits of a training depend on it."""

import platform
from dataclasses import dataclass
from pathlib import Path

from pipeline.system.resources import num_processors

_CPUINFO = Path("/proc/cpuinfo")
# Libraries compute sums in another order where they have these.
_INSTRUCTIONS = {
    *("sse4_1", "sse4_2", "avx", "avx2", "fma", "fma4", "f16c", "avx_vnni"),
    *("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "asimddp", "sve", "sve2", "bf16"),
}


@dataclass(frozen=True)
class Machine:
    """A machine: ``processors`` is how many a process may use, ``instructions`` are sorted."""

    architecture: str
    processor: str
    processors: int
    instructions: tuple[str, ...]
    system: str
    python: str


def this_machine(cpuinfo: Path = _CPUINFO) -> Machine:
    """Return the kind of this machine; without ``/proc/cpuinfo``, the instructions are unknown."""
    facts = _facts(cpuinfo)
    flags = facts.get("flags", facts.get("features", "")).split()
    return Machine(
        architecture=platform.machine(),
        processor=facts.get("model name") or platform.machine(),
        processors=num_processors(),
        instructions=tuple(sorted(_INSTRUCTIONS.intersection(flags))),
        system=platform.system(),
        python=platform.python_version(),
    )


def _facts(cpuinfo: Path) -> dict[str, str]:
    """Return what the file tells about the first processor."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in lines}
