"""The names of kept columns in the output."""

from pipeline.batch_prediction.columns import kept_names

FIELDS = ("file", "row", "label")


def test_kept_columns_are_renamed_only_where_names_collide() -> None:
    assert kept_names(["id", "label"], FIELDS) == {"id": "id", "label": "input_label"}


def test_renamed_column_takes_no_name_of_another_kept_one() -> None:
    expected = {"label": "input_input_label", "input_label": "input_label"}
    assert kept_names(["label", "input_label"], FIELDS) == expected
    assert kept_names(["input_label", "label"], FIELDS) == expected
