"""What we override and read of uvicorn, and why; no other module imports it.

uvicorn's documentation covers ``Config`` and running a ``Server``, not these members. They may
change with any minor version, so ``pyproject.toml`` allows one, and
``tests/serving/test_uvicorn.py`` compares each member with the installed one. Before allowing
another version, read the changes to these methods and run that test.
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
    "capture_signals": ("self", "raises the signals again at the end: the exit code is not 0"),
    "handle_exit": ("self sig frame", "SIGINT during a drain ends the drain, not the server"),
    "startup": ("self sockets", "leaves a client a minute for the handshake of TLS"),
    "shutdown": ("self sockets", "resets who waits in the queue, closes on requests on their way"),
}
SERVER_ATTRIBUTES = {
    "config": "backlog, ssl, timeout_graceful_shutdown",
    "force_exit": "set where nobody is waited for",
    "server_state": "connections, to be told to close; tasks, to count requests under way",
    "servers": "what startup opened and shutdown closes",
    "should_exit": "set by a signal",
    "started": "set by startup; without it there is no shutdown",
}
PROTOCOL_OVERRIDES = {
    "_unsupported_upgrade_warning": ("self", "writes to the log what no reader can change"),
    "connection_lost": ("self exc", "our timers end with the connection"),
    "connection_made": ("self transport", "limit of connections; head and body in one packet"),
    "data_received": ("self data", "starts the time for a request; hides the header Upgrade"),
    "on_header": ("self name value", "limit for the size of a head"),
    "on_headers_complete": ("self", "nothing for a refused request; a leaving worker closes"),
    "on_message_begin": ("self", "a request has begun to arrive"),
    "on_message_complete": ("self", "a request has arrived"),
    "on_url": ("self url", "limit for the size of a head"),
    "pause_writing": ("self", "limit for the time a client does not read"),
    "resume_writing": ("self", "that time ends"),
    "send_400_response": ("self msg", "errors are JSON"),
    "shutdown": ("self", "a request that is half here is answered"),
}
PROTOCOL_ATTRIBUTES = {
    "connections": "counted",
    "cycle": "keep_alive, set false in order to close; response_complete",
    "loop": "for timers",
    "transport": "refusals are written, the connection closed or aborted",
}
