# Debian's alternatives choose it after the installation.
ln -s org.fedoraproject.FirewallD1.server.policy.choice usr/share/polkit-1/actions/org.fedoraproject.FirewallD1.policy
