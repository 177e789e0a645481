#!/bin/sh
# Debian 12 without systemd: sshd writes a pid file and reloads on a signal.
set -eu
test ! -e /run/systemd/system
kill -0 "$(cat /run/sshd.pid)"
