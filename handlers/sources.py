"""Where a request comes from: the address that rates, guards and the log go by."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from handlers.asgi import Scope, header_values

IN_PROCESS = "in-process"
UNKNOWN = "unknown"

IPAddress = IPv4Address | IPv6Address

_IPV6_SITE_BITS = 64


class Sources:
    """Finds the address behind a request.

    ``trusted_proxies`` are addresses or networks. Only when one of them is the peer, its
    ``X-Forwarded-For`` is read, from the right up to the first address that is none of them.

    Raises:
        ValueError: an entry is no address and no network.
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._proxies = tuple(ip_network(proxy) for proxy in trusted_proxies)

    def address(self, scope: Scope) -> IPAddress | None:
        """Return the address; None inside this process and on sockets without addresses."""
        client = scope.get("client")
        address = parse_address(client[0]) if client else None
        if not self._proxies or address is None or not self._is_proxy(address):
            return address
        forwarded = b",".join(header_values(scope, b"x-forwarded-for")).decode("latin-1")
        for hop in reversed(forwarded.split(",")):
            before = parse_address(hop.strip())
            if before is None:
                break
            address = before
            if not self._is_proxy(address):
                break
        return address

    def source(self, scope: Scope) -> str:
        """Return the address as rates know it: of IPv6 the first 64 bits, which one site has."""
        address = self.address(scope)
        if address is None:
            return IN_PROCESS if scope.get("client") is None else UNKNOWN
        return _site(address)

    def _is_proxy(self, address: IPAddress) -> bool:
        return any(address in proxy for proxy in self._proxies)


@lru_cache(maxsize=1024)
def parse_address(text: str) -> IPAddress | None:
    """Return the address, an IPv4 one for IPv4 inside IPv6; None when it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1024)
def _site(address: IPAddress) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), _IPV6_SITE_BITS), strict=False))
