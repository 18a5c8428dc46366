"""Install a lock into a virtual environment with uv; every package is checked by its hash.

Prints a line or two instead of the installer's hundreds. The Makefile calls it with the Python
that the environment is for; it needs ``.venv-uv``, and of Python only the standard library.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parent.parent
TOOLS = PROJECT / ".venv-uv" / "bin"
DOWNLOAD = re.compile(r" *(Downloading|Downloaded) (\S+)(?: \(([\d.]+)MiB\))?")
# uv does not read pip's configuration: these are its names for what pip's files and variables set.
# Without them, a mirror or proxy that pip is configured to use would be bypassed.
COUNTERPARTS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
# As pip does: use the best match of all indexes, and trust the certificates of the system. The
# section [tool.uv] of pyproject.toml is for making the locks; its constraints have no hashes.
AS_PIP = {
    "UV_INDEX_STRATEGY": "unsafe-best-match",
    "UV_SYSTEM_CERTS": "true",
    "UV_NO_CONFIG": "true",
}


def main() -> int:
    """Install what the command line names; return the exit code."""
    options = parse_options()
    start = time.monotonic()
    what = f"{options.lock} into {options.environment} (about {options.size})"
    show(f"Installing {what}", end="" if sys.stdout.isatty() else "\n")
    for command in commands(options):
        code, output = run(command, what)
        if code:
            show(f"Could not install {what}:")
            sys.stderr.write(output)
            return code
    show(f"Installed {what} in {time.monotonic() - start:.0f} s")
    return 0


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("environment", type=Path, help="folder of the virtual environment")
    parser.add_argument("lock", type=Path, help="requirements file with hashes")
    parser.add_argument("--size", required=True, help="size on disk to announce, as '2.2 GB'")
    parser.add_argument("--add", action="store_true", help="add to an environment that exists")
    parser.add_argument("--editable", action="store_true", help="install this project as well")
    return parser.parse_args()


def commands(options: argparse.Namespace) -> list[list[str]]:
    """Return uv's commands, in order."""
    uv = str(TOOLS / "uv")
    folder = str(options.environment)
    # A lock is complete, hence --no-deps. Packages are built in environments of their own, with the
    # tools that build.txt locks.
    install = [uv, "pip", "install", "--no-deps", "--python", f"{folder}/bin/python",
               "--require-build-hashes", "--preview-features", "build-dependency-hashes",
               "--build-constraints", str(PROJECT / "requirements" / "build.txt")]  # fmt: skip
    steps = [[*install, "--require-hashes", "--requirements", str(options.lock)]]
    if not options.add:
        steps.insert(0, [uv, "venv", "--clear", "--python", sys.executable, folder])
    if options.editable:
        steps.append([*install, "--editable", str(PROJECT)])
    return steps


def pip_settings() -> dict[str, str]:
    """Return environment variables for uv that say what pip's configuration says."""
    listing = subprocess.run(  # noqa: S603  (pip)
        [TOOLS / "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for section in ("global", "install", ":env:"):  # later ones take precedence
        for setting in listing.splitlines():
            name, _, value = setting.partition("=")
            variable = COUNTERPARTS.get(name.removeprefix(f"{section}."))
            if variable:
                separator = "," if variable == "UV_FIND_LINKS" else " "
                found[variable] = separator.join(ast.literal_eval(value).split())
    return found


def run(command: list[str], what: str) -> tuple[int, str]:
    """Run uv and show its progress on a terminal; return its exit code and all it printed."""
    variables = {**AS_PIP, **pip_settings(), **os.environ}
    output = []
    downloads = Downloads()
    with subprocess.Popen(  # noqa: S603  (uv)
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        for line in process.stdout or ():
            output.append(line)
            if downloads.update(line) and sys.stdout.isatty():
                show(f"Installing {what}: {downloads}", end="")
    return process.returncode, "".join(output)


class Downloads:
    """The large packages that uv downloads, from the lines that it prints about them."""

    def __init__(self) -> None:
        self.megabytes: dict[str, float] = {}
        self.waiting: set[str] = set()

    def update(self, line: str) -> bool:
        """Read a line of uv's output; return whether it is about a download."""
        match = DOWNLOAD.match(line)
        if match and match[1] == "Downloading":
            self.megabytes[match[2]] = float(match[3] or 0)
            self.waiting.add(match[2])
        elif match:
            self.waiting.discard(match[2])
        return match is not None

    def __str__(self) -> str:
        total = sum(self.megabytes.values())
        rest = sorted(self.waiting, key=self.megabytes.__getitem__, reverse=True)
        done = total - sum(self.megabytes[name] for name in rest)
        return f"{done:.0f} of {total:.0f} MB, {', '.join(rest[:3]) or 'unpacking'}"


def show(text: str, end: str = "\n") -> None:
    """Print a line; on a terminal it replaces the one before, which ``end=""`` left open."""
    if sys.stdout.isatty():
        text = f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}"
    print(text, end=end, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the next make starts this installation again.")
