"""Read parts of a Protocol Buffers message by their field numbers."""

from pipeline.system.protobuf_wire import fields

Message = memoryview
# A file of nothing but tiny fields would take minutes; real graphs have tens of thousands.
MAX_FIELDS = 2_000_000


class Reader:
    """Reads messages of one file, with a limit on the number of fields in all of them."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def inside(self, message: Message, *path: int) -> list[Message]:
        """Return the messages, strings or bytes at a path of field numbers.

        Raises:
            ValueError: the message is damaged, or has too many fields.
        """
        found = [message]
        for number in path:
            found = [part for one in found for part in self._parts(one, number)]
        return found

    def texts(self, message: Message, *path: int) -> list[str]:
        """Return the strings at a path; a damaged one matches no known name."""
        return [bytes(part).decode(errors="replace") for part in self.inside(message, *path)]

    def numbers(self, message: Message, number: int) -> list[int]:
        """Return the integers of a field."""
        return [
            value for n, value in self._fields(message) if n == number and isinstance(value, int)
        ]

    def _parts(self, message: Message, number: int) -> list[Message]:
        found = self._fields(message)
        return [value for n, value in found if n == number and isinstance(value, memoryview)]

    def _fields(self, message: Message) -> list[tuple[int, memoryview | int]]:
        found = []
        for field in fields(message):
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"more than {MAX_FIELDS:,} fields")
            found.append(field)
        return found
