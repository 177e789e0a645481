#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_config
short_description: Bring settings of sshd in force, and prove that they are
version_added: 0.1.0
description:
  - Writes the wished settings where they are read first, makes sshd reload them and asks sshd, with C(sshd -T -C), what
    is in force for each connection that matters. A setting that another file would override is an error that names
    that file and line.
  - In sshd_config the first value of a keyword wins. Where the main file includes C(sshd_config.d) before anything
    else, the settings go to a drop-in that sorts first. Elsewhere they go to a file beside the main file, which a
    marked block at the main file's top includes.
  - The candidate is checked as a whole, in a staged copy of all files that sshd reads, before anything is written. In
    check mode too.
  - Before anything is changed, each of O(guard_users) must still be able to log in with a key and to become root.
  - A running sshd that is older than its files is noticed and reloaded. If sshd does not come up with the new
    configuration, the files are put back.
  - Where a socket unit holds the port and no generator makes it follow C(sshd_config), it gets a drop-in with the
    addresses of the wish. An active firewalld or ufw lets those who may reach the old port into the new one before sshd
    moves; the old port stays open in it. Where SELinux is on, the new port gets sshd's label first.
  - On FreeBSD the service is steered by C(service), and O(path) says which server is meant, the base system's or the
    port openssh-portable's (C(/usr/local/etc/ssh/sshd_config)). pf and ipfw are not touched, so let a new port in
    before sshd moves there. All of that was written from manuals and sources and not run on FreeBSD.
author:
  - The pyhost.baseline team (@pyhost)
extends_documentation_fragment:
  - pyhost.baseline.attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts can be executed on the controller.
    support: full
    details: The controller's half makes the new login of O(confirm).
  async:
    description: Supports being used with the C(async) keyword.
    support: none
options:
  settings:
    description:
      - Keywords of C(sshd_config(5)), in any case, and their values. Older names such as
        C(ChallengeResponseAuthentication) are taken.
      - A text is written as it is, V(true) and V(false) mean C(yes) and C(no), a list gives all values of the keyword,
        and V(null) leaves the keyword out.
      - This is the whole wish. A keyword that is no longer given is removed from the file that this module writes.
      - An empty wish (with O(match) and O(defaults) empty too) removes that file.
    type: dict
    default: {}
  defaults:
    description:
      - Settings that hold for each keyword that O(settings) does not name, under whatever spelling.
      - A keyword of these that the host's sshd does not know is left out, which RV(left_out) says. In O(settings) it is
        an error.
    type: dict
    default: {}
  match:
    description: C(Match) blocks. The first that fits a connection wins, and any of them stands before O(settings).
    type: list
    elements: dict
    default: []
    suboptions:
      criteria:
        description:
          - To which connections the block applies, as a mapping of criterion to pattern (or list of patterns), or as
            the text that would follow C(Match).
          - Criteria are V(user), V(group), V(host), V(address), V(localaddress), V(localport) and V(rdomain), and
            without a pattern V(all) and (from OpenSSH 9.9 on) V(invalid-user).
        type: raw
        required: true
      settings:
        description: As O(settings), for these connections.
        type: dict
        required: true
  crypto:
    description:
      - The profile of sshd's algorithms and host keys. It leaves keywords alone that O(settings) or O(defaults) name,
        also with V(null).
      - V(system) leaves them to the distribution (its crypto policy, sshd's own defaults).
      - V(hardened) offers only what ssh-audit 3.9.0 finds neither a failure nor a warning in. The only key exchange is
        one that resists quantum computers, which clients older than OpenSSH 8.5 do not have. Missing host keys are
        made, weak ones (ECDSA, DSA, RSA of less than 3072 bits) are not offered any more, none is replaced.
      - V(strict) is ssh-audit's own policy for the host's system, to the letter. An RSA host key that has not 4096 bits
        is replaced by a new one, and kept beside it.
      - What the host's OpenSSH does not know is left out, which RV(crypto) says.
      - With O(confirm), the controller must be able to verify one of the host keys that stay, and to log in with the
        algorithms that stay, before anything is changed. Over a connection by another client than OpenSSH's, nothing
        may go away, as that cannot be tried.
    type: str
    choices: [system, hardened, strict]
    default: system
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
      - Users who must be able to log in with a key, and to become root by sudo, under the new configuration. Where one
        could not, nothing is changed and the error names the rule that shuts the user out.
      - What files cannot tell (keys of an C(AuthorizedKeysCommand), certificates, a forced command) is a warning, and
        the new login of O(confirm) decides.
      - In check mode, what earlier tasks only pretended to make (the account, its key, sudo) is reported as a warning.
    type: list
    elements: str
    default: []
  reload:
    description: Whether sshd is made to read its configuration, also where an earlier change was never loaded.
    type: bool
    default: true
  confirm:
    description:
      - Whether a change over an SSH connection must be confirmed by a new key login from the controller.
      - The login is made as the first of O(guard_users) (else as the user of the connection) who can log in from this
        controller before the change, on the port that sshd then has, and goes on to sudo. If nobody can, nothing is
        changed, nor if one of O(guard_users) logs in and then does not become root.
      - Only where sudo asks for a password that the play does not have, the login alone is proven, with a warning.
      - The port is one that O(settings) or O(defaults) name (C(Port), C(ListenAddress)) or the connection's own. A port
        that only other files of the host name is not logged in to, so name it in O(settings).
      - If it fails, if the controller dies or if the network is cut, the host goes back by itself to the configuration
        that it had, after O(confirm_timeout) seconds or, where it is switched off meanwhile, at its next boot.
      - Other connections than SSH get the checks on the host alone, which RV(confirmed_by) says.
    type: bool
    default: true
  confirm_timeout:
    description: How many seconds after its arming, right before the change, the host goes back if nobody has confirmed.
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

- name: Undo everything that this module has set
  pyhost.baseline.sshd_config:
"""

RETURN = r"""
path:
  description: The file that holds the wish.
  type: str
  returned: success
  sample: /etc/ssh/sshd_config.d/00-pyhost-baseline.conf
effective:
  description: For each connection that sshd was asked about, the wished keywords as C(sshd -T) prints them.
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
  description: Directives of other files that lose to the wish.
  type: list
  elements: dict
  returned: success
  sample:
    - keyword: PasswordAuthentication
      value: "yes"
      file: /etc/ssh/sshd_config.d/50-cloud-init.conf
      line: 1
exceptions:
  description: Directives in C(Match) blocks of other files that decide a wished keyword otherwise for some connections.
  type: list
  elements: dict
  returned: success
  sample: []
crypto:
  description:
    - What O(crypto) comes to on this host. C(policy) is the title of ssh-audit's policy that V(strict) fulfils,
      C(left_out) says what of the profile this host does not have, C(host_keys) are those that are offered and
      C(replaced) those that were replaced. A fingerprint is empty in check mode where the key is still to be made.
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
    - The ports on which sshd, or its socket unit, listens. They are the desired ones unless RV(port_held_by) says why
      not.
  type: list
  elements: int
  returned: success
  sample: [22]
port_held_by:
  description:
    - Who holds the desired port, so that sshd stays where it is (see RV(ports)) and everything else is brought in
      force, with a warning. Empty where sshd listens as asked. The next run moves sshd when the port is free.
    - A service (a process of root, or any on a port that only root may take) is an error instead, before any change.
  type: list
  elements: dict
  returned: success
  sample:
    - {port: 2222, address: 0.0.0.0, pid: 4711, uid: 1001, user: mallory, program: /usr/bin/python3.13}
firewall:
  description:
    - The active firewall whose rules for the old port were given to a new one (its C(kind), V(firewalld) or V(ufw)),
      and those rules (C(opened)). Empty where no port is new, or where neither has a rule for the old one.
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
      C(reason) of the latter two. Its C(sudo) is false where sudo asked for a password that the play does not have; a
      warning tells then that only the login was proven.
  type: dict
  returned: when changed, and not in check mode
  sample: {method: login, user: deploy, port: 22, sudo: true, seconds: 1.4}
rolled_back:
  description: Whether the host went back to its former configuration, null where that could not be seen.
  type: bool
  returned: when the change was applied and could not be confirmed
  sample: true
version:
  description: The version of OpenSSH, empty where it is not installed yet (check mode only).
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._core.rollback import check_seconds
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.confirmation import (
    PHASE_ARGUMENT,
    PhaseRequest,
    read_phase_request,
)
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.crypto import PROFILES
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.change import SshdRequest, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.confirm import ConfirmRequest
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.host.crypto import CryptoProfile
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.keywords import folded
from ansible_collections.pyhost.baseline.plugins.module_utils._sshd.settings import build_settings

BLOCK = {"criteria": {"type": "raw", "required": True}, "settings": {"type": "dict", "required": True}}
ARGUMENTS = {
    "settings": {"type": "dict", "default": {}},
    "defaults": {"type": "dict", "default": {}},
    "match": {"type": "list", "elements": "dict", "default": [], "options": BLOCK},
    "crypto": {"type": "str", "choices": list(PROFILES), "default": "system"},
    "path": {"type": "path", "default": "/etc/ssh/sshd_config"},
    "dropin": {"type": "str", "default": "00-pyhost-baseline.conf"},
    "guard_users": {"type": "list", "elements": "str", "default": []},
    "reload": {"type": "bool", "default": True},
    "confirm": {"type": "bool", "default": True},
    "confirm_timeout": {"type": "int", "default": 45},
}


class SshdConfigModule(AnsibleModule):
    """Takes what the controller's half hands over out of the parameters, before they are checked and logged.

    It is no option: it is in neither the documentation nor the invocation, and a task that gives it is refused.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.phase_argument = self.params.pop(PHASE_ARGUMENT, None)


def build_request(options: dict, phase: PhaseRequest) -> SshdRequest:
    """Return the request of the task's ``options``."""
    check_seconds(options["confirm_timeout"])
    settings, defaults = (
        frozenset(folded(str(name)) for name in options[option]) for option in ("settings", "defaults")
    )
    return SshdRequest(
        desired=build_settings(options["settings"], options["match"], defaults=options["defaults"]),
        main=options["path"],
        dropin=options["dropin"],
        users=tuple(options["guard_users"]),
        reload=options["reload"],
        confirm=ConfirmRequest(phase.phase, options["confirm_timeout"], phase.login_user),
        profile=CryptoProfile(options["crypto"], settings | defaults),
        optional=defaults - settings,
    )


def main() -> None:
    module = SshdConfigModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    options = module.params
    try:
        require_plain(options)
        phase = read_phase_request(module.phase_argument)
        result = ensure(Host(module), build_request(options, phase))
    except BaselineError as error:
        module.fail_json(**error.as_result())
    if not phase.phase:
        del result["confirmation"]
    for text in result.pop("warnings"):
        module.warn(text)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
