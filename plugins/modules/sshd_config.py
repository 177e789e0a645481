#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_config
short_description: Ensure that settings of sshd are in effect
version_added: 0.1.0
description:
  - Writes the desired settings to the file that sshd reads first, makes sshd reload it, and asks sshd with
    C(sshd -T -C) what applies to each connection that matters. If another file overrides a setting, the module fails
    and names that file and line. It reports all errors that do not depend on each other at once.
  - In sshd_config the first value of a keyword takes precedence. If the main file includes C(sshd_config.d) before
    anything else, the settings go to a drop-in that sorts first. Otherwise they go to a file next to the main file,
    which a marked block at the top of the main file includes.
  - The module checks the candidate in a staged copy of all files that sshd reads before it writes anything, also in
    check mode.
  - Before anything is changed, each of O(guard_users) must still be able to log in with a key and to become root.
  - The module reloads a running sshd that is older than its files. If sshd does not start with the new configuration,
    the module restores the files.
  - If a socket unit listens for sshd and no generator makes it follow C(sshd_config), it gets a drop-in with the
    desired addresses. Before sshd moves to a new port, the rules of an active firewalld or ufw, or of the module
    M(pyhost.baseline.firewall), for the old port are repeated for the new one. The old port stays open until that
    firewall is next changed. If SELinux is on, the new port gets sshd's label first.
  - On FreeBSD the module uses C(service), and O(path) selects the server, the base system's or that of the port
    openssh-portable (C(/usr/local/etc/ssh/sshd_config)). It does not change pf and ipfw, so open a new port there
    before sshd moves. All of this was written from manuals and sources and not run on FreeBSD.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts can be executed on the controller.
    support: full
    details: The action plugin makes the new login of O(confirm).
  async:
    description: Supports being used with the C(async) keyword.
    support: none
options:
  settings:
    description:
      - Keywords of C(sshd_config(5)), in any case, and their values. Older names such as
        C(ChallengeResponseAuthentication) are accepted.
      - A text is written as it is, V(true) and V(false) mean C(yes) and C(no), a list gives all values of the keyword,
        and V(null) leaves the keyword out.
      - These are all settings of the file that this module writes. A keyword that is no longer given is removed.
      - If O(settings), O(match) and O(defaults) are empty, the module removes that file.
    type: dict
    default: {}
  defaults:
    description:
      - Settings for the keywords that O(settings) does not name, in any spelling.
      - A keyword that the host's sshd does not know is left out and listed in RV(left_out). In O(settings) it is an
        error.
    type: dict
    default: {}
  match:
    description:
      - C(Match) blocks. The first that matches a connection takes precedence over the others and over O(settings).
    type: list
    elements: dict
    default: []
    suboptions:
      criteria:
        description:
          - The connections to which the block applies, as a mapping of criterion to pattern (or list of patterns), or
            as the text that would follow C(Match).
          - Criteria are V(user), V(group), V(host), V(address), V(localaddress), V(localport) and V(rdomain), and
            without a pattern V(all) and (from OpenSSH 9.9 on) V(invalid-user).
        type: raw
        required: true
      settings:
        description: As O(settings), for these connections.
        type: dict
        required: true
  match_conflicts:
    description:
      - What happens if a C(Match) block of another file gives a keyword of O(settings), O(defaults) or O(crypto)
        another value. sshd takes that value for the connections that the block matches, although the requested
        settings are read first. Blocks that set other keywords or the requested value are no conflict, nor is a block
        of which an earlier one of O(match) decides for all connections.
      - With V(refuse), it is an error before any change that names each file, line, keyword, value and criteria.
      - With V(keep), the blocks stay in effect. Each is a warning and an entry of RV(exceptions).
      - With V(override), the requested settings win. The module's file ends with a C(Match All) block that repeats
        those which C(sshd_config(5)) allows there, after the blocks of O(match), which still take precedence. Before
        and after the change, C(sshd -T -C) must confirm it for a connection that satisfies each of the other blocks,
        where one can be derived from the criteria. RV(shadowed) lists the lines that are overridden. The block also
        overrides blocks that are added later.
      - What V(override) cannot win over is an error that says why. These are a file that is read before the module's,
        keywords of which all lines add up (C(AllowUsers), C(DenyUsers), C(AllowGroups), C(DenyGroups), C(AcceptEnv),
        C(Subsystem)), and those of which this OpenSSH takes the last line (C(IPQoS) before 10.3,
        C(StreamLocalBindMask) before 10.6).
    type: str
    choices: [refuse, keep, override]
    default: refuse
  crypto:
    description:
      - The crypto profile, which sets sshd's algorithms and host keys. It does not set keywords that O(settings) or
        O(defaults) name, also with V(null).
      - V(system) leaves them to the distribution (its crypto policy, sshd's own defaults).
      - V(hardened) offers only algorithms for which ssh-audit 3.9.0 reports neither a failure nor a warning. The only
        key exchange resists quantum computers; clients older than OpenSSH 8.5 do not have it. Missing host keys
        are made, weak ones (ECDSA, DSA, RSA with less than 3072 bits) are no longer offered, and none is replaced.
      - V(strict) is exactly ssh-audit's policy for the host's system. An RSA host key that does not have 4096 bits is
        replaced by a new one and kept beside it.
      - Algorithms that the host's OpenSSH does not know are left out and listed in RV(crypto).
      - With O(confirm), the controller must be able to verify one of the host keys that stay, and to log in with the
        algorithms that stay, before anything is changed. If the connection does not use OpenSSH's client, that cannot
        be tried, so no algorithm may be removed.
    type: str
    choices: [system, hardened, strict]
    default: system
  keep_ports:
    description:
      - Whether sshd stays on the ports that an earlier run set, where neither O(settings) nor O(defaults) name C(Port).
      - With V(false), C(Port) is removed like every keyword that is no longer given, and sshd moves to the port that
        other files or its own default set.
    type: bool
    default: false
  path:
    description: The main file of sshd.
    type: path
    default: /etc/ssh/sshd_config
  dropin:
    description: The name of the file that is written. It should sort before all others.
    type: str
    default: 00-pyhost-baseline.conf
  guard_users:
    description:
      - Users who must be able to log in with a key, and to become root by sudo, under the new configuration. If one
        could not, nothing is changed and the error names the rule that locks the user out.
      - If the play becomes root by another method (C(become_method)), the rules of that method are not read, and the
        new login of O(confirm) decides where it can try the method (C(doas) without a password, C(su) with one).
      - What files do not show (keys of an C(AuthorizedKeysCommand), certificates, a forced command) is a warning, and
        the new login of O(confirm) decides.
      - In check mode, an account, key or sudo rule that earlier tasks would have made is a warning.
    type: list
    elements: str
    default: []
  reload:
    description: Whether to make sshd read its configuration, also if an earlier change was never loaded.
    type: bool
    default: true
  confirm:
    description:
      - Whether a change over an SSH connection must be confirmed by a new key login from the controller.
      - A preflight login before the change selects the user, the first of O(guard_users) (else the user of the
        connection) who can log in from this controller and become root. If nobody can, nothing is changed, nor if one
        of O(guard_users) logs in and does not become root.
      - After the change, the same user logs in on the port that sshd then has, becomes root and confirms.
      - If sudo asks for a password that the play does not have, only the login is verified, with a warning.
      - If sshd refuses one of O(guard_users) now by its present configuration, and the change lets that user in, the
        login after the change is the only proof, with a warning.
      - If the answer to the confirmation is lost, the host's record of it is asked for; the task then succeeds with a
        warning.
      - The port is one that O(settings) or O(defaults) name (C(Port), C(ListenAddress)) or the connection's own. The
        controller does not log in to a port that only other files of the host name, so name it in O(settings).
      - If the login fails, the controller dies or the network is cut, the host rolls the change back by itself after
        O(confirm_timeout) seconds or, if it is switched off meanwhile, at its next boot.
      - A change over a connection other than SSH is checked on the host only, as RV(confirmed_by) says.
    type: bool
    default: true
  confirm_timeout:
    description:
      - The seconds after which the host rolls back a change that is not confirmed. They start right before it.
      - How long a login may take grows with them, a fifth of them for the connection (10 seconds at least). Set it
        higher for a slow host.
    type: int
    default: 45
seealso:
  - module: pyhost.baseline.sshd_info
"""

EXAMPLES = r"""
- name: Close root and password logins, unless that would lock the user deploy out
  pyhost.baseline.sshd_config:
    settings:
      PermitRootLogin: false
      PasswordAuthentication: false
      KbdInteractiveAuthentication: false
    guard_users: [deploy]

- name: Offer only algorithms and host keys without a known weakness
  pyhost.baseline.sshd_config:
    crypto: hardened
    guard_users: [deploy]

- name: Give an upload account a chroot and sftp only
  pyhost.baseline.sshd_config:
    settings:
      AllowUsers: [deploy, upload]
    match:
      - criteria:
          user: upload
          address: [192.0.2.0/24, "2001:db8::/32"]
        settings:
          ForceCommand: internal-sftp
          ChrootDirectory: /srv/upload
          AllowTcpForwarding: false

- name: Close password logins, also where Match blocks of other files open them
  pyhost.baseline.sshd_config:
    settings:
      PasswordAuthentication: false
      KbdInteractiveAuthentication: false
    match_conflicts: override
    guard_users: [deploy]

- name: Remove everything that this module has set
  pyhost.baseline.sshd_config:
"""

RETURN = r"""
path:
  description: The file that holds the settings.
  type: str
  returned: success
  sample: /etc/ssh/sshd_config.d/00-pyhost-baseline.conf
effective:
  description: For each connection that sshd was asked about, the requested keywords as C(sshd -T) prints them.
  type: dict
  returned: success
  sample:
    user=root,host=192.0.2.7,addr=192.0.2.7:
      passwordauthentication: "no"
      permitrootlogin: "no"
left_out:
  description: Keywords of O(defaults) that the host's sshd does not know and that were left out for this reason.
  type: list
  elements: str
  returned: success
  sample: ["PerSourcePenaltyExemptList: this OpenSSH does not know the keyword"]
shadowed:
  description:
    - Directives of other files that the settings take precedence over. C(criteria) are those of a C(Match) block,
      with O(match_conflicts=override) or where a block of O(match) decides first.
  type: list
  elements: dict
  returned: success
  sample:
    - keyword: PasswordAuthentication
      value: "yes"
      file: /etc/ssh/sshd_config.d/50-cloud-init.conf
      line: 1
exceptions:
  description:
    - Directives in C(Match) blocks of other files that give a requested keyword another value for some connections.
      Empty unless O(match_conflicts=keep).
  type: list
  elements: dict
  returned: success
  sample:
    - keyword: PasswordAuthentication
      value: "yes"
      file: /etc/ssh/sshd_config.d/50-sftp.conf
      line: 2
      criteria: user upload
crypto:
  description:
    - The crypto profile on this host. C(policy) is the title of ssh-audit's policy that V(strict) implements,
      C(left_out) what of the profile this host does not have, C(host_keys) the keys that are offered and C(replaced)
      those that were replaced. In check mode, the fingerprint of a key that would be made is empty.
  type: dict
  returned: success
  sample:
    profile: hardened
    policy: ""
    left_out: ["KexAlgorithms: this OpenSSH does not know mlkem768x25519-sha256"]
    host_keys:
      - path: /etc/ssh/ssh_host_ed25519_key
        type: ssh-ed25519
        bits: 256
        fingerprint: SHA256:kfeZkuW3WdLvRB3QXTfu9JIRgqlWtkNrPEyNzLkmtDU
    replaced: []
reloaded:
  description: Whether sshd was made to read its configuration.
  type: bool
  returned: success
  sample: true
ports:
  description:
    - The ports on which sshd, or its socket unit, listens. They are the desired ones unless RV(port_held_by) names who
      holds the desired one.
  type: list
  elements: int
  returned: success
  sample: [22]
port_held_by:
  description:
    - The processes that hold the desired port. sshd then keeps its port (see RV(ports)), everything else is ensured,
      and a warning says so. Empty if sshd listens as requested. The next run moves sshd when the port is free.
    - A service (a process of root, or any process on a port that only root may take) is an error before any change.
  type: list
  elements: dict
  returned: success
  sample:
    - {port: 2222, address: 0.0.0.0, pid: 4711, uid: 1001, user: mallory, program: /usr/bin/python3.13}
firewall:
  description:
    - The active firewall whose rules for the old port were repeated for a new one (its C(kind), V(firewalld), V(ufw) or
      V(nftables) for the table of the module firewall), and those rules (C(opened)). Empty if no
      port is new, or if there is no rule for the old one.
  type: dict
  returned: success
  sample: {kind: firewalld, opened: [2222/tcp in the zone public]}
selinux_ports:
  description: The new ports that were given SELinux's label of sshd.
  type: list
  elements: int
  returned: success
  sample: []
confirmed_by:
  description:
    - How the change was confirmed. Its C(method) is V(login), V(checks) (no SSH connection) or V(none), with the
      C(reason) of the latter two. Its C(sudo) is false if sudo asked for a password that the play does not have; a
      warning then says that only the login was verified.
  type: dict
  returned: when changed, and not in check mode
  sample: {method: login, user: deploy, port: 22, sudo: true, seconds: 1.4}
rolled_back:
  description:
    - Whether the host rolled the change back, as its own record says. Null if that record could not be read in time; it
      is C(rollback-sshd.record) in C(/var/lib/pyhost.baseline), on FreeBSD in C(/var/db/pyhost.baseline).
  type: bool
  returned: when the change was applied and could not be confirmed
  sample: true
version:
  description: The version of OpenSSH, empty if it is not installed yet (check mode only).
  type: str
  returned: success
  sample: OpenSSH_10.0p2
option:
  description: The option or variable that the error is about.
  returned: on failure, where it is about one
  type: str
where:
  description: The file (with its line), unit, package or host that the error is about.
  returned: on failure, where it is about one
  type: str
hint:
  description: What to do next.
  returned: on failure, where there is something to do
  type: str
"""

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.confirmed_module import ConfirmedModule
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS

# The argument of the controller's half (confirmation.PHASE_ARGUMENT, which would import all that it is about).


def main() -> None:
    module = ConfirmedModule(argument_spec=ARGUMENTS["sshd_config"], supports_check_mode=True)
    module.ensure("sshd_config", module.phase_argument)


if __name__ == "__main__":
    main()
