"""The pure model of sshd_config(5) against the real sshd, over generated configurations. See README.md."""
