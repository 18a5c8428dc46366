"""Names of layers in committees: ``member_2_hidden_1`` is the layer ``hidden_1`` of the second."""

import re

MEMBERS = "members"  # the layer with the outputs of all, (n, members * images, units)
_MEMBER = re.compile(r"member_(\d+)_")


def name_in_member(number: int, name: str) -> str:
    """Return the name of a layer in a committee; members are counted from 1."""
    return f"member_{number}_{name}"


def member_of(name: str) -> int:
    """Return the number of the member that a layer belongs to; 1 if there are no others."""
    found = _MEMBER.match(name)
    return int(found[1]) if found else 1
