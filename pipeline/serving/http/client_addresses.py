"""The addresses that count as one client."""

from ipaddress import IPv6Address, ip_address


def network_of(address: str) -> str:
    """Return the part of a client's address that a client cannot change at will.

    That is an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177).
    """
    if ":" not in address:
        return address
    parsed = ip_address(address.partition("%")[0])
    assert isinstance(parsed, IPv6Address)
    return str(parsed.ipv4_mapped or parsed.exploded[:19])
