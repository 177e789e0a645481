# RHEL's layout for Debian's sshd: no unit is called ssh, and the main file is the package's own.
rm -rf etc/default etc/pam.d/ssh usr/share/openssh
rm -f usr/lib/systemd/system/ssh.s* usr/lib/systemd/system/sshd-keygen.service usr/lib/systemd/system/rescue-ssh.target
rm -f usr/lib/sysusers.d/*-gssapi.conf usr/lib/tmpfiles.d/*-gssapi.conf
mkdir -p usr/libexec/openssh usr/share/empty.sshd
# RHEL 9 makes them readable for the group ssh_keys, for which its sshd is patched. Debian's refuses such a key.
cat >usr/libexec/openssh/sshd-keygen <<'END'
#!/bin/sh
set -eu
key=/etc/ssh/ssh_host_$1_key
rm -f "$key" "$key.pub"
ssh-keygen -q -t "$1" -f "$key" -C '' -N ''
if [ -e /etc/rocky-release ]; then chgrp ssh_keys "$key"; fi
END
chmod 0755 usr/libexec/openssh/sshd-keygen
chmod 0700 etc/ssh/sshd_config.d
chmod 0600 etc/ssh/sshd_config etc/ssh/sshd_config.d/* etc/sysconfig/sshd
