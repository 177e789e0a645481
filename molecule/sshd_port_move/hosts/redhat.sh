#!/bin/sh
# A stand-in: Debian's sshd in the layout of RHEL 9, by hand. Its unit is sshd.service and no other, its vendor file comes
# with the crypto policy, its installer has let root in, and firewalld runs.
set -eu
sed 's/^Alias=.*//' /lib/systemd/system/ssh.service >/usr/lib/systemd/system/sshd.service
systemctl disable ssh.service
rm -f /lib/systemd/system/ssh.service /lib/systemd/system/ssh.socket /etc/init.d/ssh /etc/systemd/system/sshd.service
systemctl daemon-reload
# The sshd that ssh.service has left, and this connection with it, ends last.
systemctl enable sshd.service
mkdir -p /etc/crypto-policies/back-ends
cat >/etc/crypto-policies/back-ends/opensshserver.config <<'END'
Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr
END
cat >/etc/ssh/sshd_config.d/50-redhat.conf <<'END'
Include /etc/crypto-policies/back-ends/opensshserver.config
SyslogFacility AUTHPRIV
ChallengeResponseAuthentication no
GSSAPIAuthentication yes
GSSAPICleanupCredentials no
UsePAM yes
X11Forwarding yes
PrintMotd no
END
echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/01-permitrootlogin.conf
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends firewalld netbase >/dev/null
kill "$(cat /run/sshd.pid)"
systemctl start sshd.service
firewall-cmd --state
