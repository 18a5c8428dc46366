"""Where each key of a configuration was set: a file and line, or an override."""

KeyPath = tuple[str, ...]


def without_indices(path: KeyPath) -> KeyPath:
    """Return a path without the indices of list elements: hidden for hidden[0]."""
    return tuple(part.split("[")[0] for part in path)


class Places:
    """The place of each key, such as "configs/mlp.yaml, line 7"."""

    def __init__(self, source: str) -> None:
        """Begin without places; ``source`` is the place of keys that have none."""
        self._source = source
        self._places: dict[KeyPath, str] = {}

    def at_line(self, path: KeyPath, line: int) -> None:
        """Set the line of a key in the source, counted from 1."""
        self._places[path] = f"{self._source}, line {line}"

    def override(self, path: KeyPath, place: str) -> None:
        """Set the place of a key and of every key below it."""
        below = [known for known in self._places if known[: len(path)] == path]
        self._places.update(dict.fromkeys([path, *below], place))

    def of(self, path: KeyPath) -> str:
        """Return the place of a key: its own, else that of its section, else of a key below it."""
        prefixes = [path[:length] for length in range(len(path), 0, -1)]
        below = [known for known in self._places if known[: len(path)] == path]
        known = (key for key in [*prefixes, *below] if key in self._places)
        return next((self._places[key] for key in known), self._source)
