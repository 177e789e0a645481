"""Disposable test hosts: real systemd and sshd in containers, reached over real SSH. See README.md beside this file."""
