"""Close a port without resetting connections.

The last process to close a listening socket resets the connections that are in its queue, among
them those that arrived after the last ``accept``. So no new ones may arrive before that.
"""

import ctypes
import socket
import struct
import sys

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module does not have it
# A classic BPF program (Linux: Documentation/networking/filter.rst). For a TCP socket, packets
# begin with the TCP header, whose flags are in byte 13 (RFC 9293, section 3.1).
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_FLAGS, _SYN = 13, 0x02
_DROP, _PASS = 0, 0xFFFF
_PROGRAM = (
    (_LOAD_BYTE, 0, 0, _FLAGS),
    (_JUMP_IF_SET, 0, 1, _SYN),
    (_RETURN, 0, 0, _DROP),
    (_RETURN, 0, 0, _PASS),
)


def refuse_new_connections(sock: socket.socket) -> None:
    """Ignore requests for new connections, in all processes that share the listening socket.

    Clients repeat a request that is ignored after a second, and are refused once the port is
    closed. Connections whose handshake has begun are completed. Only Linux can do so.
    """
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _PROGRAM)
    memory = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(_PROGRAM), ctypes.addressof(memory))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
