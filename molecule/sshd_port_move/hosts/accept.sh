#!/bin/sh
# As Ubuntu 22.04 has it where ssh.socket is enabled: every connection starts an sshd of its own. The template is Debian 13's.
set -eu
mkdir -p /etc/systemd/system/ssh.socket.d
printf '[Socket]\nAccept=yes\n' >/etc/systemd/system/ssh.socket.d/accept.conf
cp /usr/lib/systemd/system/sshd@.service /etc/systemd/system/ssh@.service
systemctl disable ssh.service
systemctl daemon-reload
systemctl stop ssh.service
systemctl enable --now ssh.socket
