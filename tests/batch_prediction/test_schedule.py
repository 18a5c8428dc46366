"""Which part each worker gets: none twice, and few rows decoded in vain."""

from pipeline.batch_prediction.schedule import Schedule
from pipeline.batch_prediction.sources import Part, Rows


def parts(*groups: int) -> list[Part]:
    """Parts of one row each: ``groups`` is the number of parts of each row group."""
    places = [(group, skip) for group, count in enumerate(groups) for skip in range(count)]
    return [
        Part(number, 1, Rows("x.parquet", 1, 1, number, group, 1, skip))
        for number, (group, skip) in enumerate(places)
    ]


def test_worker_continues_in_its_row_group() -> None:
    schedule = Schedule(parts(3, 3), range(6))
    first, second = schedule.next(None), schedule.next(None)
    assert (first.number, second.number) == (0, 3)  # type: ignore[union-attr]
    assert [schedule.next(0).number, schedule.next(1).number] == [1, 2]  # type: ignore[union-attr]
    assert [schedule.next(3).number, schedule.next(4).number] == [4, 5]  # type: ignore[union-attr]
    assert schedule.next(5) is None


def test_only_row_group_is_divided_between_workers() -> None:
    schedule = Schedule(parts(8), range(8))
    assert [schedule.next(None).number for _ in range(3)] == [0, 4, 2]  # type: ignore[union-attr]


def test_worker_that_finishes_early_takes_from_the_longest_run() -> None:
    schedule = Schedule(parts(2, 8), range(10))
    assert [schedule.next(None).number for _ in range(2)] == [2, 0]  # type: ignore[union-attr]
    assert schedule.next(0).number == 1  # type: ignore[union-attr]
    assert schedule.next(1).number == 6  # type: ignore[union-attr]  # the middle of 3 to 9


def test_remaining_parts_of_an_interrupted_command_begin_where_it_ended() -> None:
    assert Schedule(parts(8), range(3, 8)).next(None).number == 3  # type: ignore[union-attr]


def test_every_part_is_given_out_once() -> None:
    schedule = Schedule(parts(5, 1, 7), range(13))
    given: list[int] = []
    previous: list[int | None] = [None, None, None]
    while (part := schedule.next(previous[len(given) % 3])) is not None:
        previous[len(given) % 3] = part.number
        given.append(part.number)
    assert sorted(given) == list(range(13))


def test_parts_without_row_groups_are_in_order() -> None:
    pictures = [Part(number, 1, pictures=(f"{number}.png",)) for number in range(3)]
    schedule = Schedule(pictures, [0, 2])
    assert [schedule.next(None).number, schedule.next(0).number] == [0, 2]  # type: ignore[union-attr]
