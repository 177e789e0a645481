#!/bin/sh
# A stand-in for Ubuntu 22.04 (tests/hosts/systems/ubuntu2204.toml) on which its ssh.socket was enabled: every connection
# starts an sshd of its own.
set -eu
systemctl disable ssh.service
systemctl stop ssh.service
systemctl enable --now ssh.socket
