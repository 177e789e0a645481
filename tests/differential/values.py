"""Keywords and the values that are drawn for them: every keyword that the model knows, or the reason why not.

README.md says which values are left out, since versions of sshd differ about them among themselves.
"""

from __future__ import annotations

__all__ = ["ANYWHERE", "GLOBAL", "KEYS", "NEW", "NOT_DRAWN", "SELDOM", "VALUES"]

# Host keys that exist where sshd is asked.
KEYS = ("/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/other_key")

_FLAG = ("yes", "no")
_TIME = ("30", "2m", "1h30m", "1H", "90s", "1d", "0", "1w2d", "+5m")
# sshd wants both.
_KEYS_AS_NOBODY = "\nAuthorizedKeysCommandUser nobody"
_PRINCIPALS_AS_NOBODY = "\nAuthorizedPrincipalsCommandUser nobody"

# They may stand in a Match block.
ANYWHERE: dict[str, tuple[str, ...]] = {
    "AcceptEnv": ("LANG", "LC_*", "LANG LC_*", "A B C", "TZ"),
    "AllowAgentForwarding": _FLAG,
    "AllowGroups": ("users", "wheel sudo", "*", "!games users"),
    "AllowStreamLocalForwarding": (*_FLAG, "local", "remote", "all"),
    "AllowTcpForwarding": (*_FLAG, "local", "remote", "all"),
    "AllowUsers": ("pat", "root deploy", "pat@192.0.2.*", "*@10.0.0.0/8", "dev.*"),
    "AuthenticationMethods": ("any", "publickey", "publickey,password publickey,keyboard-interactive"),
    "AuthorizedKeysCommand": ("none", "/bin/true %u" + _KEYS_AS_NOBODY, "/bin/keys a  b # c" + _KEYS_AS_NOBODY),
    "AuthorizedKeysCommandUser": ("nobody", "root", "daemon"),
    "AuthorizedKeysFile": (".ssh/authorized_keys", ".ssh/a .ssh/b", '"/k with space/%u"', "/etc/keys/%u", "none"),
    "AuthorizedPrincipalsCommand": ("none", "/bin/true %u" + _PRINCIPALS_AS_NOBODY, "/p -x" + _PRINCIPALS_AS_NOBODY),
    "AuthorizedPrincipalsCommandUser": ("nobody", "root", "daemon"),
    "AuthorizedPrincipalsFile": ("none", "/etc/ssh/p/%u", ".ssh/principals"),
    "Banner": ("none", "/etc/issue", '"/b with space"', "/b#c", r"/b\ c", r"/b\"c", "/b # c", "'/b c'", '/a" b"c'),
    "CASignatureAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^rsa-sha2-512"),
    "ChallengeResponseAuthentication": _FLAG,
    "ChannelTimeout": ("session=5m", "*=10m agent-connection=0", "session=9m", "none"),
    "ChrootDirectory": ("none", "/srv/%u", "/var/empty"),
    "ClientAliveCountMax": ("0", "3", "9"),
    "ClientAliveInterval": _TIME,
    "DenyGroups": ("games", "wheel sudo", "nogroup"),
    "DenyUsers": ("mallory", "*@198.51.100.0/24", "bob eve"),
    "DisableForwarding": _FLAG,
    "ExposeAuthInfo": _FLAG,
    "ForceCommand": ("none", "/bin/true", "echo 'a  b' # c", 'sh -c "echo x"', "internal-sftp -u 0027"),
    "GSSAPIAuthentication": _FLAG,
    "GatewayPorts": (*_FLAG, "clientspecified"),
    "HostbasedAcceptedAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^ssh-ed25519"),
    "HostbasedAcceptedKeyTypes": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^ssh-ed25519"),
    "HostbasedAuthentication": _FLAG,
    "HostbasedUsesNameFromPacketOnly": _FLAG,
    "IPQoS": ("af21 cs1", "cs6", "ef none"),
    "IgnoreRhosts": (*_FLAG, "shosts-only"),
    "KbdInteractiveAuthentication": _FLAG,
    "KerberosAuthentication": _FLAG,
    "LogLevel": ("VERBOSE", "debug2", "INFO", "QUIET"),
    "LogVerbose": ("kex.c:*:1000", "auth*.c:*():*,x.c", "a.c:*:1 b.c:*:2", "none"),
    "MaxAuthTries": ("1", "3", "6"),
    "MaxSessions": ("0", "5", "10"),
    "PasswordAuthentication": _FLAG,
    "PermitEmptyPasswords": _FLAG,
    "PermitListen": ("any", "none", "8080", "localhost:80 *:81"),
    "PermitOpen": ("any", "none", "host.example:80", "192.0.2.1:22 [2001:db8::1]:*"),
    "PermitRootLogin": (*_FLAG, "prohibit-password", "without-password", "forced-commands-only"),
    "PermitTTY": _FLAG,
    "PermitTunnel": (*_FLAG, "point-to-point", "ethernet"),
    "PermitUserRC": _FLAG,
    "PubkeyAcceptedAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^rsa-sha2-512", "ssh-ed25519,rsa-sha2-256"),
    "PubkeyAcceptedKeyTypes": ("ssh-ed25519", "+ssh-rsa"),
    "PubkeyAuthOptions": ("none", "touch-required", "verify-required touch-required"),
    "PubkeyAuthentication": _FLAG,
    "RekeyLimit": ("1G 1h", "512K 30m", "2M", "default 2h", "default none", "default", "1G none"),
    "RequiredRSASize": ("2048", "3072", "4096"),
    "RevokedKeys": ("none", "/etc/ssh/revoked", "/etc/ssh/other"),
    "RSAAuthentication": _FLAG,
    "SetEnv": ("A=1", 'A="1 2" B=3', "B=x", '"C=a b"', "A=1 A=2"),
    "SkeyAuthentication": _FLAG,
    "StreamLocalBindMask": ("0177", "0077", "0000"),
    "StreamLocalBindUnlink": _FLAG,
    "TrustedUserCAKeys": ("none", "/etc/ssh/ca", "/etc/ssh/ca2"),
    "UnusedConnectionTimeout": ("3m", "5m", "none"),
    "X11DisplayOffset": ("10", "20", "99"),
    "X11Forwarding": _FLAG,
    "X11UseLocalhost": _FLAG,
}
# They may not.
GLOBAL: dict[str, tuple[str, ...]] = {
    "AddressFamily": ("any", "inet", "inet6"),
    "Ciphers": ("aes256-ctr", "aes256-gcm@openssh.com,aes128-ctr", "+3des-cbc", "-aes128*", "^aes256-ctr"),
    "Compression": (*_FLAG, "delayed"),
    "DSAAuthentication": _FLAG,
    "DebianBanner": _FLAG,
    "FingerprintHash": ("md5", "sha256"),
    "GSSAPICleanupCredentials": _FLAG,
    "GSSAPICleanupCreds": _FLAG,
    "GSSAPIKexAlgorithms": ("gss-group14-sha256-", "gss-curve25519-sha256-,gss-nistp256-sha256-"),
    "GSSAPIKeyExchange": _FLAG,
    "GSSAPIStoreCredentialsOnRekey": _FLAG,
    "GSSAPIStrictAcceptorCheck": _FLAG,
    "HostCertificate": ("/etc/ssh/nosuch-cert.pub",),
    "HostDSAKey": KEYS,
    "HostKey": KEYS,
    "HostKeyAgent": ("SSH_AUTH_SOCK", "/run/agent", "none"),
    "HostKeyAlgorithms": ("ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^ssh-ed25519"),
    "IgnoreUserKnownHosts": _FLAG,
    "KeepAlive": _FLAG,
    "KerberosGetAFSToken": _FLAG,
    "KerberosOrLocalPasswd": _FLAG,
    "KerberosTicketCleanup": _FLAG,
    "KexAlgorithms": ("curve25519-sha256", "-diffie*", "+diffie-hellman-group14-sha1"),
    "ListenAddress": ("0.0.0.0", "::", "192.0.2.1", "192.0.2.1:2022", "[2001:db8::1]:443", "2001:db8::2"),
    "LoginGraceTime": ("30", "2m", "0", "1m30s"),
    "MACs": ("hmac-sha2-512", "-*sha1*", "+hmac-md5", "^hmac-sha2-256"),
    "MaxStartups": ("10:30:60", "20:30:100", "7"),
    "ModuliFile": ("/etc/ssh/moduli", "/etc/ssh/moduli.strong"),
    "PerSourceMaxStartups": ("5", "9", "none"),
    "PerSourceNetBlockSize": ("24:64", "32:128", "16:48"),
    "PermitUserEnvironment": (*_FLAG, "LANG,LC_*"),
    "PidFile": ("none", "/run/sshd.pid", "/run/other.pid"),
    "Port": ("22", "2022", "443"),
    "PrintLastLog": _FLAG,
    "PrintMotd": _FLAG,
    "Protocol": ("2",),
    "SecurityKeyProvider": ("internal", "/usr/lib/sk.so"),
    "StrictModes": _FLAG,
    "Subsystem": ("sftp internal-sftp", "sftp /usr/lib/sftp -f  AUTH", 'other "/bin/x y" z', "SFTP /bin/sftp"),
    "SyslogFacility": ("AUTH", "daemon", "LOCAL3"),
    "TCPKeepAlive": _FLAG,
    "UseDNS": _FLAG,
    "UsePAM": _FLAG,
    "UsePrivilegeSeparation": ("sandbox",),
    "VersionAddendum": ("none", "x", "two  words # all"),
    "XAuthLocation": ("/usr/bin/xauth", "/opt/xauth"),
}
# Not all of the versions that are asked know them; the first release that does stands beside.
NEW: dict[str, tuple[str, ...]] = {
    "PerSourcePenalties": ("crash:5s", "crash:7s noauth:2m", "no", "yes", "max-sources4:9", "authfail:3s"),  # 9.8
    "PerSourcePenaltyExemptList": ("192.0.2.0/24", "10.0.0.0/8,2001:db8::/32"),  # 9.8
    "PAMServiceName": ("sshd", "other"),  # 9.8
    "RefuseConnection": _FLAG,  # 9.9
    "SshdAuthPath": ("/usr/lib/openssh/sshd-auth", "/opt/sshd-auth"),  # 10.0
    "SshdSessionPath": ("/usr/lib/openssh/sshd-session", "/opt/sshd-session"),  # 9.8
    "GSSAPIDelegateCredentials": _FLAG,  # 10.3
    "AgentSocketPath": ("none", "user:.ssh/agent"),  # 10.6
    "WarnWeakCrypto": _FLAG,  # 10.6
}
# What sshd refuses, or takes where it stands.
SELDOM: dict[str, tuple[str, ...]] = {
    "NoSuchKeyword": ("x",),
    "PermitTTY": ("", "perhaps", '"yes', "yes no", '""'),
    "RDomain": ("none", "%D"),
    "Subsystem": ("sftp internal-sftp", "x /bin/x"),
}
NOT_DRAWN = {
    "Include": "drawn as the tree itself",
    "Match": "drawn as the tree itself",
    "GSSAPIEnablek5users": "of Red Hat's sshd; no host of the tests knows it",
    "UseBlacklist": "of FreeBSD 14's sshd; no host of the tests knows it",
    "UseBlocklist": "of FreeBSD 15's sshd; no host of the tests knows it",
    "KerberosUniqueCCache": "of Red Hat's sshd; no host of the tests knows it",
    "KerberosUseKuserok": "of Red Hat's sshd; no host of the tests knows it",
}
VALUES = {keyword.lower(): values for table in (ANYWHERE, GLOBAL, NEW) for keyword, values in table.items()}
