#!/bin/sh
# Debian and Ubuntu: policy-rc.d of a container image keeps services from starting; its settings of apt are no server's.
set -eu
rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-*
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/*
