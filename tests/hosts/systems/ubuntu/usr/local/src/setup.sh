#!/bin/sh
# What Ubuntu's releases have in common and Debian's packages have otherwise.
set -eu
# Debian's own file has Origins-Pattern; Ubuntu's has Allowed-Origins with ESM.
mv /usr/local/src/50unattended-upgrades /etc/apt/apt.conf.d/50unattended-upgrades
printf 'APT::Periodic::%s "1";\n' Update-Package-Lists Unattended-Upgrade >/etc/apt/apt.conf.d/20auto-upgrades
# Archives that say to be Ubuntu's; packages still come from Debian's.
sh /usr/local/src/archives.sh
chmod 0600 /etc/ssh/sshd_config.d/50-cloud-init.conf
mv /usr/local/src/ssh.socket /usr/lib/systemd/system/ssh.socket
