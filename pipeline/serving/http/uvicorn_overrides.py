"""The members of uvicorn that we override or read, and why; no other module imports uvicorn.

uvicorn's documentation covers ``Config`` and running a ``Server``, not these members. They may
change with any minor version, so ``pyproject.toml`` allows only one, and
``tests/serving/test_uvicorn.py`` compares each member with the installed one. Before allowing
another version, read the changes to these methods, then run that test.
"""

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

__all__ = [
    "PROTOCOL_ATTRIBUTES",
    "PROTOCOL_OVERRIDES",
    "SERVER_ATTRIBUTES",
    "SERVER_OVERRIDES",
    "STATUS_LINE",
    "Config",
    "HttpToolsProtocol",
    "Server",
]

# Name -> parameters, and why it is overridden.
SERVER_OVERRIDES = {
    "capture_signals": ("self", "uvicorn raises the signals again: the exit code is not 0"),
    "handle_exit": ("self sig frame", "SIGINT during a drain ends the drain, not the server"),
    "startup": ("self sockets", "uvicorn gives clients a minute for the TLS handshake"),
    "shutdown": ("self sockets", "uvicorn resets queued connections and arriving requests"),
}
SERVER_ATTRIBUTES = {
    "config": "backlog, ssl, timeout_graceful_shutdown",
    "force_exit": "set to exit without waiting",
    "server_state": "connections, to close them; tasks, to count requests in progress",
    "servers": "opened by startup, closed by shutdown",
    "should_exit": "set by a signal",
    "started": "set by startup; without it there is no shutdown",
}
PROTOCOL_OVERRIDES = {
    "_unsupported_upgrade_warning": ("self", "uvicorn logs what operators cannot change"),
    "connection_lost": ("self exc", "cancels all timers, and lets go of the requests"),
    "connection_made": ("self transport", "limit on connections; head and body in one packet"),
    "data_received": ("self data", "limit on the time of a request; hides the header Upgrade"),
    "on_header": ("self name value", "limit on the size of a head"),
    "on_headers_complete": ("self", "skips rejected requests; closes during shutdown"),
    "on_message_begin": ("self", "a request has begun to arrive"),
    "on_message_complete": ("self", "a request has arrived"),
    "on_url": ("self url", "limit on the size of a head"),
    "pause_writing": ("self", "limit on the time a client does not read"),
    "resume_writing": ("self", "ends that limit"),
    "send_400_response": ("self msg", "errors are JSON"),
    "shutdown": ("self", "an arriving request is completed first"),
}
PROTOCOL_ATTRIBUTES = {
    "client": "its address",
    "connections": "counted; a closed one is discarded at once",
    "cycle": "keep_alive, set to False to close; response_complete; None once closed",
    "flow": "write_paused",
    "loop": "for timers",
    "pipeline": "whether requests are queued",
    "scope": "the application gets the connection in its state",
    "timeout_keep_alive_task": "a timer, canceled when the connection is closed",
    "transport": "to write errors, and to close or abort the connection",
}
