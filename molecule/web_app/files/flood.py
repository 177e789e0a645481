"""Ask a web server again and again until it refuses the connection: python3 flood.py SCHEME ADDRESS PATH SECONDS."""

from __future__ import annotations

import collections
import http.client
import json
import ssl
import sys
import time


def connect(scheme: str, address: str) -> http.client.HTTPConnection:
    # Without a port the end of an IPv6 address would be taken for one.
    if scheme == "http":
        return http.client.HTTPConnection(address, 80, timeout=2)
    # The certificate is one that the tests signed.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(address, 443, timeout=2, context=context)


def flood(scheme: str, address: str, path: str, seconds: float) -> dict[str, int]:
    """Return how often each status came, and ``refused`` if the server refuses connections in the end."""
    seen: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end and "refused" not in seen:
        connection = connect(scheme, address)
        try:
            while time.monotonic() < end:
                connection.request("GET", path, headers={"Host": "shop.test"})
                answer = connection.getresponse()
                answer.read()
                seen[str(answer.status)] += 1
        except ConnectionRefusedError:
            seen["refused"] += 1
        except (OSError, http.client.HTTPException):
            # A connection that the server has closed, or that a ban has cut.
            seen["cut"] += 1
            time.sleep(0.1)
        finally:
            connection.close()
    return dict(seen)


if __name__ == "__main__":
    scheme, address, path, seconds = sys.argv[1:]
    print(json.dumps(flood(scheme, address, path, float(seconds))))
