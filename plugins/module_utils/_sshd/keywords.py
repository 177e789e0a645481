# Copyright: pyhost.baseline contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keywords of sshd_config(5) as data: spelling, aliases, which are cumulative, which take lists in which syntax."""

from __future__ import annotations

from .._core.errors import BaselineError, did_you_mean

__all__ = [
    "ALIASES",
    "COMMAS",
    "CUMULATIVE",
    "FLAGS",
    "GLOBAL",
    "KEYWORDS",
    "NUMBERS",
    "canonical",
    "folded",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# OpenSSH 8.2 to 10.6 with the additions of Debian (DebianBanner, GSSAPIKeyExchange), of Red Hat, and of FreeBSD
# (UseBlocklist).
_SPELLINGS = """
AcceptEnv AddressFamily AgentSocketPath AllowAgentForwarding AllowGroups AllowStreamLocalForwarding AllowTcpForwarding
AllowUsers AuthenticationMethods AuthorizedKeysCommand AuthorizedKeysCommandUser AuthorizedKeysFile
AuthorizedPrincipalsCommand AuthorizedPrincipalsCommandUser AuthorizedPrincipalsFile Banner CASignatureAlgorithms
ChannelTimeout ChrootDirectory Ciphers ClientAliveCountMax ClientAliveInterval Compression DebianBanner DenyGroups
DenyUsers DisableForwarding ExposeAuthInfo FingerprintHash ForceCommand GatewayPorts GSSAPIAuthentication
GSSAPICleanupCredentials GSSAPIDelegateCredentials GSSAPIEnablek5users GSSAPIKexAlgorithms GSSAPIKeyExchange
GSSAPIStoreCredentialsOnRekey GSSAPIStrictAcceptorCheck HostbasedAcceptedAlgorithms HostbasedAuthentication
HostbasedUsesNameFromPacketOnly HostCertificate HostKey HostKeyAgent HostKeyAlgorithms IgnoreRhosts
IgnoreUserKnownHosts Include IPQoS KbdInteractiveAuthentication KerberosAuthentication KerberosGetAFSToken
KerberosOrLocalPasswd KerberosTicketCleanup KerberosUniqueCCache KerberosUseKuserok KexAlgorithms ListenAddress
LoginGraceTime LogLevel LogVerbose MACs Match MaxAuthTries MaxSessions MaxStartups ModuliFile PAMServiceName
PasswordAuthentication PermitEmptyPasswords PermitListen PermitOpen PermitRootLogin PermitTTY PermitTunnel
PermitUserEnvironment PermitUserRC PerSourceMaxStartups PerSourceNetBlockSize PerSourcePenalties
PerSourcePenaltyExemptList PidFile Port PrintLastLog PrintMotd PubkeyAcceptedAlgorithms PubkeyAuthentication
PubkeyAuthOptions RDomain RefuseConnection RekeyLimit RequiredRSASize RevokedKeys SecurityKeyProvider SetEnv
SshdAuthPath SshdSessionPath StreamLocalBindMask StreamLocalBindUnlink StrictModes Subsystem SyslogFacility
TCPKeepAlive TrustedUserCAKeys UnusedConnectionTimeout UseBlocklist UseDNS UsePAM VersionAddendum
WarnWeakCrypto X11DisplayOffset X11Forwarding X11UseLocalhost XAuthLocation
"""

# Lower case, as `sshd -T` prints it -> the spelling of the manual.
KEYWORDS = {name.lower(): name for name in _SPELLINGS.split()}

# Older names that sshd still accepts -> the name under which `sshd -T` prints them.
ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "dsaauthentication": "pubkeyauthentication",
    "hostdsakey": "hostkey",
    "keepalive": "tcpkeepalive",
    "gssapicleanupcreds": "gssapicleanupcredentials",
    # FreeBSD 14 accepts both names and prints the older one.
    "useblacklist": "useblocklist",
}

# Every line adds its values; for all other keywords the first line wins. Subsystem counts once for each name,
# PerSourcePenalties once for each penalty.
CUMULATIVE = _words("""
acceptenv allowgroups allowusers denygroups denyusers hostcertificate hostkey listenaddress persourcepenalties port
subsystem
""")

# Keywords that are not allowed in a Match block. sshd reads them in `Match all`, which is not a block to it.
GLOBAL = _words("""
addressfamily ciphers compression debianbanner fingerprinthash gssapicleanupcredentials
gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck
hostcertificate hostkey hostkeyagent hostkeyalgorithms ignoreuserknownhosts kerberosgetafstoken kerberosorlocalpasswd
kerberosticketcleanup kexalgorithms listenaddress logingracetime macs maxstartups modulifile permituserenvironment
persourcemaxstartups persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile port printlastlog
printmotd securitykeyprovider sshdauthpath sshdsessionpath strictmodes syslogfacility tcpkeepalive
useblocklist usedns usepam versionaddendum warnweakcrypto xauthlocation
""")

# Lists in one argument, separated by commas; all other lists are several arguments.
COMMAS = _words("""
casignaturealgorithms ciphers gssapikexalgorithms hostbasedacceptedalgorithms hostkeyalgorithms kexalgorithms
logverbose macs persourcepenaltyexemptlist pubkeyacceptedalgorithms
""")

# Keywords that only take yes or no.
FLAGS = _words("""
allowagentforwarding debianbanner disableforwarding exposeauthinfo gssapiauthentication gssapicleanupcredentials
gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck hostbasedauthentication
hostbasedusesnamefrompacketonly ignoreuserknownhosts kbdinteractiveauthentication kerberosauthentication
kerberosorlocalpasswd kerberosticketcleanup passwordauthentication permitemptypasswords permittty permituserrc
printlastlog printmotd pubkeyauthentication streamlocalbindunlink strictmodes tcpkeepalive useblocklist
usedns usepam x11forwarding x11uselocalhost
""")

# Keywords that take one whole number -> the smallest and the largest useful value.
NUMBERS = {
    "clientalivecountmax": (0, 2**31 - 1),
    "maxauthtries": (1, 2**31 - 1),
    "maxsessions": (0, 2**31 - 1),
    "port": (1, 65535),
    "requiredrsasize": (0, 16384),
    "x11displayoffset": (0, 2**31 - 1),
}


def folded(keyword: str) -> str:
    """Return ``keyword`` as ``sshd -T`` prints it: in lower case, an alias replaced."""
    lower = keyword.lower()
    return ALIASES.get(lower, lower)


def canonical(keyword: str) -> str:
    """Return the manual's spelling of ``keyword``; the error for an unknown one names similar keywords."""
    known = KEYWORDS.get(folded(keyword))
    if known is None:
        raise BaselineError(f"unknown sshd keyword {keyword!r}", hint=did_you_mean(keyword, KEYWORDS.values()))
    return known
