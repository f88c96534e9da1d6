"""The names under which this machine alone reaches a server of its own."""

from __future__ import annotations

import ipaddress

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")


def is_local(host: str) -> bool:
    """Whether a server that listens at an address is reached by this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
