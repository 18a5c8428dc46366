"""Tables in Markdown."""


def table(head: list[str], lines: list[list[str]]) -> str:
    """Return a table with right-aligned numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))
