#!/bin/sh
# A first boot: a user with csh and a password for sudo, no Python, and somebody who holds apt's locks.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq --yes --no-install-recommends install sudo tcsh
useradd --create-home --shell /bin/tcsh --groups sudo ann
echo 'ann:correct horse' | chpasswd
cp -r /root/.ssh /home/ann/
chown -R ann: /home/ann/.ssh
apt-get -qq --yes purge 'python3*' 'libpython3*'
apt-get clean
# The locks are let go three seconds after bootstrap.yml's `apt-get install` has come for them, so that it surely fails once.
cat >/root/hold.pl <<'PERL'
use Fcntl;
for my $path ("/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend") {
    open my $file, ">", $path or die;
    push @held, $file;
    my $lock = pack("s s x4 q q l", F_WRLCK, 0, 0, 0, 0);
    fcntl($file, F_SETLK, $lock) or die "$path: $!";
}
open my $ready, ">", "/root/held"; close $ready;
until (grep { open(WORDS, "<", "$_/cmdline") && <WORDS> =~ /^apt-get\0-q\0--yes\0/ } glob "/proc/[0-9]*") { select undef, undef, undef, 0.005 }
open my $waited, ">", "/root/kept-waiting"; close $waited;
sleep 3;
PERL
systemd-run --quiet perl /root/hold.pl
until [ -e /root/held ]; do sleep 0.1; done
