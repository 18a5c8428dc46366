"""The arithmetic of the benchmark of several workers; its measurements are not tested."""

from typing import Any

import pytest

from benchmarks.scaling import tables
from benchmarks.scaling.__main__ import add_others
from benchmarks.scaling.estimates import StepCosts, SumCosts, hops, sent
from benchmarks.workers_accuracy import accuracy_table

MEGABYTE = 10**6
SUMS = SumCosts(once=0.001, hop=0.0005, per_byte=2e-9)
STEP = StepCosts(once=0.01, per_image=0.0001, update=0.02, size=4 * MEGABYTE, sums=SUMS)


def test_ring_sends_almost_twice_the_vector() -> None:
    assert [hops(workers) for workers in (1, 2, 4)] == [0, 2, 6]
    assert [sent(workers, 1000) for workers in (1, 2, 4, 1000)] == [0, 1000, 1500, 1998]


def test_costs_of_sums_are_found_again() -> None:
    """Processor time that is half of the time, as the processes also wait for each other."""
    smallest = {workers: SUMS.once + hops(workers) * SUMS.hop for workers in (2, 4)}
    found = SumCosts.fitted(
        8 * MEGABYTE,
        smallest[2] + 8 * MEGABYTE * SUMS.per_byte,
        smallest[2],
        cpu_of_two=smallest[2] / 2,
        cpu_of_four=smallest[4] / 2,
    )
    assert found.once == pytest.approx(SUMS.once)
    assert found.hop == pytest.approx(SUMS.hop)
    assert found.per_byte == pytest.approx(SUMS.per_byte)


def test_costs_of_steps_are_found_again() -> None:
    gradients = [(images, STEP.once + images * STEP.per_image) for images in (512, 1024)]
    found = StepCosts.fitted(gradients, STEP.update, STEP.size, SUMS)
    assert found.once == pytest.approx(STEP.once)
    assert found.per_image == pytest.approx(STEP.per_image)


def test_step_is_the_sum_of_its_parts() -> None:
    assert STEP.seconds(1, 1000) == pytest.approx(0.01 + 0.1 + 0.02)
    # Half of the images, 2 messages, and 4 MB to send and to receive.
    on_loopback = 0.01 + 0.05 + 0.02 + 0.001 + 2 * 0.0005 + 0.008
    assert STEP.seconds(2, 1000) == pytest.approx(on_loopback)
    # 4 MB at 1 Gbit/s take 32 ms; the network delays both messages.
    limited = STEP.seconds(2, 1000, gbit=1, delay=0.0001)
    assert limited == pytest.approx(on_loopback + 0.032 + 2 * 0.0001)


def test_speedup_compares_images_per_second() -> None:
    of_one, of_two = STEP.seconds(1, 1000), STEP.seconds(2, 2000, gbit=10, delay=0)
    found = STEP.speedup(2, 2000, 1000, gbit=10, delay=0)
    assert found == pytest.approx(2 * of_one / of_two)


def test_processor_time_is_the_mean_of_all_workers() -> None:
    row: dict[str, Any] = {"rounds": [{"cpu": 0.3, "number": 1, "count": 2}, {"cpu": 0.5}]}
    add_others(row, [[9.0, 0.2]])
    assert row["rounds"] == [{"cpu": pytest.approx(0.2)}, {"cpu": 0.5}]


def rounds(seconds: list[float], cpu: float = 0.1, sent_bytes: float = 0) -> list[dict[str, float]]:
    return [{"seconds": found, "cpu": cpu, "on_loopback": sent_bytes} for found in seconds]


def measured() -> dict[str, Any]:
    """What a benchmark would have saved in which all that was measured is as in the model."""
    network = {"hidden": [16], "bytes": STEP.size, "gbit": None}
    steps = [
        {**network, "what": "step", "workers": 1, "batch_size": 1024, "rounds": rounds([0.1, 0.3])},
        {
            **network,
            "what": "step",
            "workers": 2,
            "batch_size": 2048,
            "rounds": rounds([0.1, 0.2], sent_bytes=8e6),
        },
    ]
    parts = [("gradient", 512, 0.06), ("gradient", 1024, 0.11), ("update", 512, 0.02)]
    rows = [
        {**network, "what": what, "workers": 1, "batch_size": size, "rounds": rounds([seconds])}
        for what, size, seconds in parts
    ]
    sums = [
        {"what": "sum", "workers": n, "bytes": size, "gbit": gbit, "rounds": rounds([time], cpu)}
        for n, size, gbit, time, cpu in (
            (2, 4, None, 0.002, 0.001),
            (2, STEP.size, None, 0.01, 0.009),
            (2, STEP.size, 1.0, 0.05, 0.009),
            (4, 4, None, 0.004, 0.002),
            (4, STEP.size, None, 0.02, 0.018),
        )
    ]
    return {"rows": steps + rows + sums}


def test_table_shows_the_median_of_the_ratios_of_each_round() -> None:
    [line] = tables.scaling_table(measured()).splitlines()[2:]
    assert line == (
        "| 784-16-10 | 2,048 | 5.00 | 6.67 | 2.50x (2.00 to 3.00) | 100 ms | 100 ms | 2.00x | "
        "4.00 MB | 4.00 MB |"
    )


def test_tables_show_the_model_beside_what_was_measured() -> None:
    one, two = tables.check_table(measured()).splitlines()[2:]
    assert one == "| 784-16-10 | 1 | 1,024 |  | 130 ms | 200 ms | -35 % |"
    assert two == "| 784-16-10 | 2 | 2,048 | loopback | 140 ms | 150 ms | -7 % |"
    assert len(tables.model_table(measured()).splitlines()) == 2 + 2 * len(tables.WORKERS)
    assert "| 784-16-10 | 10.0 ms | 97.7 µs | 20.0 ms |" in tables.costs_table(measured())
    *_, few, many = tables.sums_table(measured()).splitlines()
    assert few == "| 4 | 1.00 ms | 2.00 ms | 2.00 ms |  |"
    assert many == "| 4,000,000 | 9.00 ms | 18.00 ms | 10.00 ms | 50.00 ms |"


def test_accuracies_are_compared_in_pairs() -> None:
    accuracies = {(0, 1): 0.97, (0, 2): 0.972, (1, 1): 0.98, (1, 2): 0.979}
    rows = [
        {"seed": seed, "workers": workers, "validation": found, "test": 0.9}
        for (seed, workers), found in accuracies.items()
    ]
    *_, first, last, mean = accuracy_table({"rows": rows}).splitlines()
    assert first == "| 0 | 97.00 % | 97.20 % | 90.00 % | 90.00 % |"
    assert last == "| 1 | 98.00 % | 97.90 % | 90.00 % | 90.00 % |"
    assert mean == "| mean difference |  | +0.050 points |  | +0.000 points |"
