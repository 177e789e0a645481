"""What an attacker of a web or a mail server does, run on a host: fail.py ADDRESS PORT, one wrong password.

Prints what the server answers: "401" (HTTP), "535" (SMTP), or why there was no answer.
"""

from __future__ import annotations

import smtplib
import sys
import urllib.error
import urllib.request


def mail(address: str, port: int) -> int:
    with smtplib.SMTP(address, port, timeout=10) as server:
        server.ehlo()
        server.user, server.password = "deploy", "wrong"
        try:
            server.auth("PLAIN", server.auth_plain)
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code
    return 235


def web(address: str, port: int) -> int:
    request = urllib.request.Request(f"http://{address}:{port}/", headers={"Authorization": "Basic ZGVwbG95Ondyb25n"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    host, number = sys.argv[1], int(sys.argv[2])
    try:
        print((mail if number == 25 else web)(host, number))
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        print("refused" if isinstance(reason, ConnectionRefusedError) else reason)
