#!/bin/sh
# Debian 13 as it comes, but with a line that many images have: its port adds up with a drop-in's. ufw lets ssh in.
set -eu
sed -i 's/^#Port 22$/Port 22/' /etc/ssh/sshd_config
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends ufw >/dev/null
ufw allow OpenSSH
ufw limit from 192.0.2.0/24 to any port 22 proto tcp comment 'the office'
ufw --force enable
