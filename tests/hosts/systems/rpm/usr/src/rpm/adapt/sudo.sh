chmod 0440 etc/sudoers
