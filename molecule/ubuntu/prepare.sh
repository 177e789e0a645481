#!/bin/sh
set -eu
# shellcheck source=/dev/null
. /etc/os-release
# A registry's image is no server: what a stand-in has from its recipe is missing there. (Written, not run yet.)
packages="iptables needrestart openssh-client rsyslog sudo ufw unattended-upgrades"
case $VERSION_ID in
    22.04) packages="$packages snapd" restart=i ;;
    24.04) restart=a ;;
    *) packages="$packages sudo-rs" restart=a ;;
esac
# shellcheck disable=SC2086 # a list
if ! dpkg -s $packages >/dev/null 2>&1; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $packages >/dev/null
    (umask 077 && echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-cloud-init.conf)
    echo "\$nrconf{restart} = '$restart';" >/etc/needrestart/conf.d/ubuntu.conf
fi
# The user that Ubuntu's installer makes, who has to give sudo a password.
useradd --create-home --groups sudo --shell /bin/bash walter
echo 'walter:correct horse' | chpasswd
install -d -o walter -g walter -m 700 /home/walter/.ssh
install -o walter -g walter -m 600 /root/.ssh/authorized_keys /home/walter/.ssh/authorized_keys
# needrestart records its environment. Its files are Perl.
cat >/etc/needrestart/conf.d/zz-environment.conf <<'END'
open(my $record, '>>', '/var/log/needrestart.environment');
print {$record} join(' ', map { $ENV{$_} // '-' } qw(DEBIAN_FRONTEND NEEDRESTART_MODE)), "\n";
close($record);
END
