#!/bin/sh
# A stand-in for Ubuntu 24.04, whose packages are not at hand: its ssh.socket, and a generator of the tests' own that does what
# sshd-socket-generator does: on daemon-reload, the addresses of sshd_config become those of the socket.
set -eu
cat >/usr/lib/systemd/system/ssh.socket <<'END'
[Unit]
Description=OpenBSD Secure Shell server socket
Before=sockets.target ssh.service
ConditionPathExists=!/etc/ssh/sshd_not_to_be_run

[Socket]
ListenStream=0.0.0.0:22
ListenStream=[::]:22
BindIPv6Only=ipv6-only
Accept=no
FreeBind=yes

[Install]
WantedBy=sockets.target
END
cat >/usr/lib/systemd/system-generators/sshd-socket-generator <<'END'
#!/bin/sh
# A stand-in, see molecule/sshd_port_move/hosts/generator.sh.
export PATH=/usr/sbin:/usr/bin
[ -d /run/sshd ] || { install -d -m 755 /run/sshd; made=1; }
listens=$(sshd -T 2>/dev/null | sed -n 's/^listenaddress //p' | sort)
[ -z "${made-}" ] || rmdir /run/sshd
[ "$listens" != "$(printf '0.0.0.0:22\n[::]:22')" ] || exit 0
mkdir -p "$1/ssh.socket.d"
{ printf '[Socket]\nListenStream=\n'; printf '%s\n' "$listens" | sed 's/^/ListenStream=/'; } >"$1/ssh.socket.d/addresses.conf"
END
chmod 755 /usr/lib/systemd/system-generators/sshd-socket-generator
systemctl disable ssh.service
systemctl daemon-reload
systemctl stop ssh.service
systemctl enable --now ssh.socket
