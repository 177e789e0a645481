#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_jails
short_description: Run fail2ban's jails as wished, seen at the server and at the packet filter
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Sets options of all jails and of single jails in one file that fail2ban reads last,
    F(/etc/fail2ban/jail.d/zz-pyhost-baseline.local), and replaces that file as a whole. Jails of other files stay.
    On FreeBSD the file lies below F(/usr/local/etc/fail2ban).
  - Chooses by trying what the host offers where a jail can see attacks (journal or log file) and what bans them
    (nftables, iptables, firewalld, pf).
  - Checks the composed configuration in a staged copy of F(/etc/fail2ban) before anything is written,
    reloads the jails that changed (bans survive), starts and enables the service, and asks the running server whether
    it does what was wished.
  - Proves that bans bite, with O(prove).
  - A server that runs an older configuration than its files, a stopped service, and packet filter rules that
    another program has flushed are noticed and mended, and count as a change.
attributes:
  check_mode:
    details: >-
      Where fail2ban is not installed yet, the outcome for Debian's usual answers (journal, nftables) is shown,
      with a warning.
extends_documentation_fragment:
  - pyhost.baseline.attributes
options:
  defaults:
    description:
      - Options of all jails, as jail.conf(5) names them in its section C([DEFAULT]).
      - Times are seconds or fail2ban's abbreviations (V(600), V(10m), V(1d 12h)).
      - A list is written in the option's own form, on one line or one item to a line.
      - An option that neither fail2ban nor any of its files knows is refused.
      - C(usedns) is V(no) unless it is given. Jails that look names up, of others too, are warned of.
    type: dict
    default: {}
  jails:
    description:
      - Jails by name, with their options. A jail that is named here runs unless it says C(enabled) V(false).
      - A jail with C(logpath) and no C(backend) reads these files. One without both reads the journal where the host
        allows it and its service logs there; jails of services that write log files, such as nginx, keep to the files
        of jail.conf.
      - The journal match of jails with the filter C(sshd) covers every name under which an OpenSSH server logs, and
        only what root says under it, unless C(journalmatch) is given. Jails by which any local user could have others
        banned are warned of, because they read what syslogd writes, or a journal match that any user can satisfy.
      - A connection that idles until sshd ends it is one failure where the end of a connection counts, also where
        fail2ban's own filter does not understand what sshd says of it. A C(failregex) or C(filter) of the jail's own
        is left as it is.
      - Where sshd has a program of its own for a session (OpenSSH 9.8) and the filter C(sshd) does not know its name in
        a log, the jail gets a C(filter) that does, unless one is given.
      - A jail that is no longer named here and that no other file defines is stopped.
    type: dict
    default: {}
  backend:
    description:
      - The backend of the jails that name neither C(backend) nor C(logpath).
      - V(auto) takes V(systemd) where fail2ban's own interpreter can import C(systemd.journal) and journald runs,
        else the jail's log file, which has to exist and to be written to.
    type: str
    default: auto
  banaction:
    description:
      - The ban action of the jails that name none.
      - V(auto) takes the first that works on the host of firewalld (if it runs), nftables, ipset with iptables,
        iptables, and pf (enabled, with C(anchor "f2b/*") among its rules; M(pyhost.baseline.pf_anchor) sees to that).
        Where none does, the module fails and names the package, or what pf lacks.
      - C(banaction) in O(defaults) is the same and goes first.
    type: str
    default: auto
  sshd_logins:
    description:
      - What sshd lets people in by, which decides what counts as a failure in jails with the filter C(sshd), so that
        C(maxretry) attempts lead to a ban and not fewer. A C(mode) or C(ignoreregex) of the jail's own goes first.
      - With V(passwords) each wrong password of an existing user is one failure (the filter's mode C(normal)). With
        V(keys) each connection that ends without a login is one (C(aggressive)). With both, a connection for an unknown
        user is one.
      - V(auto) asks sshd whether it takes passwords. Name it where a later task decides that.
    type: str
    choices: [auto, keys, passwords]
    default: auto
  check_sshd:
    description:
      - Whether to hold jails with the filter C(sshd) against sshd itself. It is an error if they do not ban on each
        port that sshd listens on, and if its C(LogLevel) leaves failed logins out.
      - V(false) is for a play that sets up sshd later.
    type: bool
    default: true
  ignore_controller:
    description:
      - Whether the address that Ansible comes from is kept in C(ignoreip), so that no jail bans the controller.
      - The address is the client's of the SSH session that runs the module, and the last one seen where there is
        no such session.
      - An C(ignoreip) that another file gives to all jails is kept beside it.
    type: bool
    default: false
  prove:
    description:
      - Whether to prove that bans bite. A documentation address (RFC 5737, and RFC 3849 where the host has IPv6) is
        banned in each jail of O(jails), has to appear in the packet filter, is unbanned, and has to be gone from it.
        Nothing of it stays, in fail2ban's database neither.
      - This is done once for each state of each jail in a running server, that is, after a change and after a start of
        the service. Other runs only look whether the rules of that proof and all current bans are still in the packet
        filter.
      - Not done for a jail whose actions include other programs, such as mail, which would tell of the ban.
    type: bool
    default: false
  reload:
    description:
      - Whether to bring the settings in force. With V(false) only the file is written, and the service is left alone.
    type: bool
    default: true
notes:
  - Manages the service through systemd, on FreeBSD through rc(8).
  - What concerns FreeBSD was not run there. It is tested over transcripts that were written from sources and manuals.
  - Talks to the server through its socket, a thousandth of a second a question, where fail2ban-client takes a tenth.
seealso:
  - module: pyhost.baseline.fail2ban_info
"""

EXAMPLES = r"""
- name: Ban who guesses SSH logins
  pyhost.baseline.fail2ban_jails:
    defaults:
      bantime: 1h
      ignoreip: [127.0.0.1/8, "::1", 198.51.100.0/24]
    jails:
      sshd:
        port: 2222
        maxretry: 4
    ignore_controller: true
    prove: true

- name: Ban longer each time, and who comes back on all ports for a week
  pyhost.baseline.fail2ban_jails:
    defaults:
      bantime.increment: true
      bantime.maxtime: 1w
    jails:
      sshd: {}
      recidive:
        bantime: 1w
      nginx-http-auth:
        logpath:
          - /var/log/nginx/error.log
          - /srv/shop/log/error.log
"""

RETURN = r"""
jails:
  description: What the running server does in each jail of O(jails); in check mode, what it would do.
  returned: success
  type: dict
  contains:
    source:
      description: V(journal) or V(files).
      type: str
    journalmatch:
      description: What the jail selects from the journal.
      type: list
      elements: str
    logpath:
      description: The files that the jail reads.
      type: list
      elements: str
    maxretry:
      description: Failures that lead to a ban.
      type: int
    findtime:
      description: Seconds within which they count.
      type: int
    bantime:
      description: Seconds that a ban lasts.
      type: int
    ignoreip:
      description: Addresses and networks that are never banned.
      type: list
      elements: str
    actions:
      description: The actions of a ban.
      type: list
      elements: str
  sample:
    sshd:
      source: journal
      journalmatch:
        - SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=stdout
        - SYSLOG_IDENTIFIER=sshd _UID=0 _TRANSPORT=syslog
        - SYSLOG_IDENTIFIER=sshd-session _UID=0 _TRANSPORT=syslog
      maxretry: 5
      findtime: 600
      bantime: 600
      ignoreip: ["198.51.100.7"]
      actions: [nftables]
backend:
  description: The backend chosen for jails that name none.
  returned: success
  type: str
  sample: systemd
banaction:
  description: The ban action of jails that name none.
  returned: success
  type: str
  sample: nftables
reloaded:
  description: The jails that were reloaded or stopped.
  returned: success
  type: list
  elements: str
  sample: [sshd]
restarted:
  description: Whether the service was started or restarted.
  returned: success
  type: bool
  sample: false
proof:
  description: For each jail, whether its bans were seen in the packet filter, with which addresses, or why not.
  returned: success
  type: dict
  sample:
    sshd:
      proven: true
      addresses: [203.0.113.77, "2001:db8::4d"]
      actions: [nftables]
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyhost.baseline.plugins.module_utils._core.errors import BaselineError
from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.host import Host
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.host.ensure import Outcome, ensure
from ansible_collections.pyhost.baseline.plugins.module_utils._fail2ban.plan import Wish, state_text
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.text import require_plain


def _diff(outcome: Outcome) -> list[dict[str, str]]:
    before, after = outcome.before, outcome.after
    server = state_text(before.in_force(), after.in_force())
    return [
        {
            "before_header": outcome.path,
            "after_header": outcome.path,
            "before": before.file or "",
            "after": after.file or "",
        },
        {"before_header": "running server", "after_header": "running server", "before": server[0], "after": server[1]},
    ]


def _result(outcome: Outcome, jails: t.Iterable[str]) -> dict[str, t.Any]:
    effective = outcome.after.jails
    return {
        "changed": outcome.changed,
        "diff": _diff(outcome),
        "jails": {
            name: {option: value for option, value in effective[name].items() if " " not in option}
            for name in jails
            if name in effective
        },
        "backend": outcome.composed.backend,
        "banaction": outcome.composed.banaction,
        "reloaded": outcome.reloaded,
        "restarted": outcome.restarted,
        "proof": outcome.proof,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "defaults": {"type": "dict", "default": {}},
            "jails": {"type": "dict", "default": {}},
            "backend": {"type": "str", "default": "auto"},
            "banaction": {"type": "str", "default": "auto"},
            "sshd_logins": {"type": "str", "choices": ["auto", "keys", "passwords"], "default": "auto"},
            "check_sshd": {"type": "bool", "default": True},
            "ignore_controller": {"type": "bool", "default": False},
            "prove": {"type": "bool", "default": False},
            "reload": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    options = module.params
    wish = Wish(
        defaults=options["defaults"],
        jails={name: values or {} for name, values in options["jails"].items()},
        backend=options["backend"],
        banaction=options["banaction"],
        sshd_logins=options["sshd_logins"],
        check_sshd=options["check_sshd"],
        ignore_controller=options["ignore_controller"],
    )
    try:
        require_plain(options)
        with host.lock("fail2ban"):
            outcome = ensure(host, wish, reload=options["reload"], proof=options["prove"])
    except BaselineError as error:
        module.fail_json(**error.as_result())
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**_result(outcome, wish.jails))


if __name__ == "__main__":
    main()
