"""Generated trees of jail files: our reading of them against that of the installed fail2ban (``make fuzz-jails``)."""
