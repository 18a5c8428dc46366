"""The addresses that count as one client."""

from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote


def network_of(address: str) -> str:
    """Return the part of a client's address that a client cannot change at will.

    That is an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177).
    """
    if ":" not in address:
        return address
    parsed = ip_address(address.partition("%")[0])
    assert isinstance(parsed, IPv6Address)
    return str(parsed.ipv4_mapped or parsed.exploded[:19])


def address_of_peer(peer: str) -> str:
    """Return the address in gRPC's name of a peer: ``ipv4:HOST:PORT``, ``ipv6:%5BHOST%5D:PORT``."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in {"ipv4", "ipv6"} else ""
