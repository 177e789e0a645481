#!/bin/sh
# Socket activation, as Ubuntu ships it since 22.10.
set -eu
chmod 0755 /usr/lib/systemd/system-generators/sshd-socket-generator
systemctl disable ssh.service
systemctl enable ssh.socket
