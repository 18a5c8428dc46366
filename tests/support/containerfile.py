"""Parsing the Containerfile."""

import re

from tests.support.paths import PROJECT


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (PROJECT / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (word, " ".join(rest.split()))
        for word, _, rest in (li.partition(" ") for li in lines if li)
    ]


def last_stage() -> dict[str, str]:
    names = [name for name, _ in instructions()]
    start = len(names) - 1 - names[::-1].index("FROM")
    return dict(instructions()[start:])
