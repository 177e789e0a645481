#!/bin/sh
# A stand-in for Ubuntu 24.04 (tests/hosts/systems/ubuntu2404.toml): ssh.socket, and a generator that follows sshd_config.
set -eu
systemctl is-active ssh.socket
test -x /usr/lib/systemd/system-generators/sshd-socket-generator
