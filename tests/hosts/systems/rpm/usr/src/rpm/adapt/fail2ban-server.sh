# Upstream's and Fedora's: no jail runs before an admin says so.
rm -rf etc/monit etc/fail2ban/jail.d/defaults-debian.conf etc/fail2ban/paths-debian.conf
sed -i 's/^before = paths-debian.conf/before = paths-fedora.conf/' etc/fail2ban/jail.conf
grep -q '^before = paths-fedora.conf' etc/fail2ban/jail.conf
