# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that reports bans. It is written to the host, and runs beside fail2ban with its interpreter.

Each ban starts it. One process at a time sends: the others add their ban to the queue and end, so that an attack by
many addresses is a few reports, and a receiver that does not answer holds up one process only, for a limited time.
"""

from __future__ import annotations

__all__ = ["NOTIFY_PROGRAM"]

NOTIFY_PROGRAM = r'''"""Reports a ban of fail2ban by webhook and mail: RUNTIME JAIL ADDRESS FAILURES SECONDS."""

import fcntl
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import syslog
import time
import urllib.request
from email.message import EmailMessage

# Test bans of the role, and logins over loopback that it makes to prove that a jail counts.
QUIET = [ipaddress.ip_network(one) for one in (
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "127.0.0.0/8", "::1/128")]
# More bans than these at once are counted, not listed.
MOST = 1000


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The headers are for the receiver, not for where it redirects."""

    def redirect_request(self, *_given):
        return None


def is_quiet(address):
    try:
        found = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return any(found.network_address in network for network in QUIET)


def number(text):
    try:
        return int(float(text))
    except ValueError:
        return None


def private(path):
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def add(folder, ban):
    """Add ``ban`` to the queue."""
    with open(private(folder + "/pyhost-baseline-notify.queue"), "r+", encoding="utf-8") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        queue.seek(0, os.SEEK_END)
        queue.write(json.dumps(ban) + "\n")


def take(folder, lock):
    """Return all bans of the queue. If there are none, the ``lock`` of the sender is released before that of the queue:
    who adds a ban afterwards sends it.
    """
    with open(private(folder + "/pyhost-baseline-notify.queue"), "r+", encoding="utf-8") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        lines = queue.read().splitlines()
        queue.seek(0)
        queue.truncate()
        if not lines:
            os.close(lock)
    return [json.loads(line) for line in lines]


def text_of(bans, rest):
    lines = ["{jail}: banned {address} after {failures} failures, for {seconds} seconds".format(**ban) for ban in bans]
    return "\n".join(lines + (["and %d more" % rest] if rest else []))


def send_mail(settings, subject, text):
    message = EmailMessage()
    message["To"] = ", ".join(settings["mail"])
    message["From"] = settings["sender"] or "root"
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    os.environ["PATH"] = "/usr/sbin:/usr/local/sbin:/usr/lib:" + os.environ.get("PATH", "/usr/bin:/bin")
    subprocess.run(["sendmail", "-t", "-i"], input=message.as_bytes(), check=True, timeout=settings["seconds"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def call_webhook(settings, body):
    headers = dict({"Content-Type": "application/json", "User-Agent": "pyhost.baseline"}, **settings["headers"])
    request = urllib.request.Request(settings["webhook"], json.dumps(body).encode(), headers, method="POST")
    urllib.request.build_opener(NoRedirect).open(request, timeout=settings["seconds"]).close()


def timed_out(*_given):
    raise TimeoutError("it took too long")


def send(settings, bans):
    listed, rest, name = bans[:MOST], len(bans[MOST:]), socket.gethostname()
    first = bans[0]
    subject = "[fail2ban] %s: %s banned %s" % (name, first["jail"], first["address"])
    if len(bans) > 1:
        subject = "[fail2ban] %s: %d bans" % (name, len(bans))
    text = text_of(listed, rest)
    body = {"host": name, "text": "%s\n%s" % (subject, text), "bans": listed, "more": rest}
    for kind, act in (("mail", lambda: send_mail(settings, subject, text)),
                      ("webhook", lambda: call_webhook(settings, body))):
        if not settings[kind]:
            continue
        # The limit of a socket is for each answer. This one is for all of them.
        signal.alarm(settings["seconds"] + 1)
        try:
            act()
        except Exception as error:
            # Errors of libraries may contain the address of the webhook, which is a secret.
            reason = getattr(error, "code", None) or getattr(error, "returncode", None) or type(error).__name__
            syslog.syslog(syslog.LOG_WARNING, "%d bans were not reported by %s: %s" % (len(bans), kind, reason))
        signal.alarm(0)


def main(folder, jail, address, failures, seconds):
    if is_quiet(address):
        return
    syslog.openlog("pyhost-baseline-notify", syslog.LOG_PID, syslog.LOG_DAEMON)
    with open(os.path.splitext(os.path.abspath(__file__))[0] + ".json", encoding="utf-8") as file:
        file.readline()
        settings = json.load(file)
    add(folder, {"jail": jail, "address": address, "failures": number(failures), "seconds": number(seconds),
                 "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
    lock = private(folder + "/pyhost-baseline-notify.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # The process that sends will send this ban, too.
        return
    signal.signal(signal.SIGALRM, timed_out)
    bans = take(folder, lock)
    while bans:
        send(settings, bans)
        bans = take(folder, lock)


if __name__ == "__main__":
    main(*sys.argv[1:])
'''
