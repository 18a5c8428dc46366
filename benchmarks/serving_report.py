"""Tables of the serving benchmarks for docs/performance.md."""

import statistics
from typing import Any

from benchmarks.machine import OURS
from benchmarks.markdown import table
from benchmarks.messages import V2_JSON
from benchmarks.servers import SERVERS

Row = dict[str, Any]

COMPARED = 16  # connections
COMPARISONS = {  # our encoding; the other server and its encoding
    "vs. KServe, JSON": ("JSON", "kserve", "JSON"),
    "vs. KServe, binary": ("binary", "kserve", "binary"),
    "vs. FastAPI, JSON": ("JSON", "fastapi", "JSON"),
    "binary vs. JSON": ("binary", OURS, "JSON"),
}


def serving_tables(result: Row) -> str:
    """Return the served model, a table for each workload, and the servers' resources."""
    model = result["model"]
    widths = "-".join(map(str, model["widths"]))
    versions = ", ".join(dict.fromkeys(server["version"] for server in result["servers"]))
    head = f"{widths}, version {model['version']} of {model['name']}. {versions}."
    workloads = dict.fromkeys(row["workload"] for row in result["rows"])
    tables = [f"{name[0].upper()}{name[1:]}:\n\n{speeds(result, name)}" for name in workloads]
    resources = ["Start-up time and memory:", needs(result), shared(result)]
    return "\n\n".join([head, *tables, *resources])


def speeds(result: Row, workload: str) -> str:
    """Return rates and latencies of all servers that support a workload."""
    rows = [row for row in result["rows"] if row["workload"] == workload]
    connections = sorted({row["connections"] for row in rows})
    found = {(row["server"], row["connections"]): row for row in rows}
    lines = []
    for name in dict.fromkeys(row["server"] for row in rows):
        mine = [found[name, count] for count in connections]
        lines.append([title(mine[0]), *map(speed, mine)])
    heads = [f"{count} connection{'s' * (count > 1)}" for count in connections]
    return table(["requests/s (p50 / p99)", *heads], lines)


def title(row: Row) -> str:
    """Return the name of a server, with its protocol where the others use V1."""
    name = SERVERS[row["server"]].title
    return f"{name} (V2)" if row["protocol"] == V2_JSON.label else name


def speed(row: Row) -> str:
    """Return the rate and latencies of one load."""
    rate = row["requests_per_second"]
    number = f"{rate:,.0f}"
    if row["server"] == OURS:
        number = f"**{number}**"
    return f"{number} ({milliseconds(row['p50_ms'])} / {milliseconds(row['p99_ms'])} ms)"


def milliseconds(value: float) -> str:
    """Return milliseconds with at least two significant digits."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004  (two digits)


def needs(result: Row) -> str:
    """Return start-up time and memory of the servers."""
    lines = [
        [
            SERVERS[row["server"]].title,
            f"{row['seconds_to_ready']:.2f} s",
            f"{row['resident_bytes'] / 1e6:.0f} MB",
        ]
        for row in result["servers"]
    ]
    return table(["", "from process start to ready", "memory after the load"], lines)


def shared(result: Row) -> str:
    """Return how much of the machine other processes used during the loads of each server."""
    shares: dict[str, list[float]] = {}
    for row in result["rows"]:
        shares.setdefault(row["server"], []).append(100 * row["share_of_others"])
    found = (
        f"{SERVERS[name].title} {statistics.mean(those):.0f} %" for name, those in shares.items()
    )
    return f"Processor time used by other processes: {', '.join(found)}."


def ratios_table(result: Row) -> str:
    """Return the ratios of our request rates to those of other servers, and binary to JSON."""
    rates = {
        (row["server"], row["workload"]): row["requests_per_second"]
        for row in result["rows"]
        if row["connections"] == COMPARED
    }
    if not any(server == OURS for server, _ in rates):
        return "This project's own server was not measured in this run."
    lines = [
        [size, *(ratio(rates, size, *compared) for compared in COMPARISONS.values())]
        for size in dict.fromkeys(workload.rpartition(", ")[0] for _, workload in rates)
    ]
    return table([f"{COMPARED} connections: this project", *COMPARISONS], lines)


def ratio(rates: dict[tuple[str, str], float], size: str, kind: str, server: str, of: str) -> str:
    """Return the ratio of our rate to that of another server."""
    other = rates.get((server, f"{size}, {of}"))
    return f"{rates[OURS, f'{size}, {kind}'] / other:.1f}x" if other else "not measured"


def soak_line(result: Row) -> str:
    """Return the summary of the soak test."""
    requests = "; ".join(f"{kind}: {count:,}" for kind, count in result["requests"].items())
    done = ", ".join(f"{count} x {name}" for name, count in result["operations"].items())
    first, last = (result[when] / 1e6 for when in ("bytes_after_a_minute", "bytes_at_the_end"))
    return (
        f"{result['minutes']:g} minutes, {result['clients']} concurrent clients: "
        f"{sum(result['requests'].values()):,} requests ({requests}), {result['failures']} failed; "
        f"operations: {done}; {result['versions_seen']} versions seen in responses; "
        f"resident memory {first:.0f} MB after a minute, {last:.0f} MB at the end."
    )
