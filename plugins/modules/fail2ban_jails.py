#!/usr/bin/python
# Copyright: pyhost.baseline contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_jails
short_description: Configure the jails of fail2ban, verified at the server and at the packet filter
version_added: 0.1.0
author:
  - The pyhost.baseline team (@pyhost)
description:
  - Sets options of all jails and of single jails in one file that fail2ban reads last,
    F(/etc/fail2ban/jail.d/zz-pyhost-baseline.local), and replaces that file as a whole. Jails of other files stay.
    On FreeBSD the file is below F(/usr/local/etc/fail2ban).
  - Probes the host for a log source (journal or log file) and for a working packet filter (nftables, iptables,
    firewalld, pf).
  - Checks the composed configuration in a staged copy of F(/etc/fail2ban) before anything is written, and loads each
    jail with the code of the installed fail2ban, without starting it.
  - Then reloads the jails that changed, restarts those whose actions changed, because a reload does not renew their
    rules in the packet filter (bans survive both), starts and enables the service, and reads the values back from the
    server.
  - With O(prove), proves that bans take effect.
  - If a change fails, the file and the jails that ran before are restored.
  - If the server runs an older configuration than its files, the service is stopped, another program has flushed
    packet filter rules, or the rules refuse other ports, protocols or verdicts than the jail requests, the module
    repairs that and reports a change.
  - Fails if a file that fail2ban reads later overrides a requested setting. Files are read with their includes and
    comments, as fail2ban does.
attributes:
  check_mode:
    details: >-
      If fail2ban is not installed yet, shows the result for the defaults of Debian (journal, nftables) with a
      warning.
extends_documentation_fragment:
  - pyhost.baseline.attributes
  - pyhost.baseline.attributes.kept_code
options:
  defaults:
    description:
      - Options of all jails, as jail.conf(5) names them in its section C([DEFAULT]).
      - Times are seconds or fail2ban's abbreviations (V(600), V(10m), V(1d 12h)).
      - A list is written in the form of the option, on one line or with one item on each line.
      - An option that neither fail2ban nor one of its files knows is an error.
      - C(usedns) is V(no) by default. The module warns about jails that resolve names, also those of other files.
    type: dict
    default: {}
  jails:
    description:
      - Jails by name, with their options. Each jail runs unless it has C(enabled) V(false).
      - A jail with C(logpath) and without C(backend) reads these files. A jail with neither reads the journal if the
        host allows it and its service logs there. Jails of services that write log files, such as nginx, read the files
        of jail.conf.
      - By default, the journal match of jails with the filter C(sshd) covers every name under which an OpenSSH server
        logs, and only entries written by root. The module warns about jails with which any local user can have others
        banned, because they read a file of syslogd or have a journal match that any user can satisfy.
      - If the end of a connection counts, an idle connection that sshd ends counts as one failure, also if the filter
        of fail2ban does not match that message of sshd. A C(failregex) or C(filter) of the jail is kept.
      - If sshd has a separate program for a session (OpenSSH 9.8) and the filter C(sshd) does not know its name in a
        log, the jail gets a C(filter) that does, unless it has one.
      - A jail that is removed from this option and that no other file defines is stopped.
    type: dict
    default: {}
  filters:
    description:
      - Filters of your own by name, for programs for which fail2ban has none. Each one is written to
        F(/etc/fail2ban/filter.d/NAME.local) and can be the C(filter) of a jail, or a jail has its name.
      - Before anything is written, also in check mode, the code of the installed fail2ban tries each filter on its
        sample lines. If a line of C(matches) yields no address, or a line of C(ignores) yields one, the module fails
        and names the filter, the line and the expression.
      - A filter has C(failregex), C(matches), and optionally C(ignores), C(ignoreregex), C(prefregex), C(datepattern),
        C(journalmatch), C(maxlines), C(before) (files of C(filter.d) to include, such as V(common.conf)), and options
        whose names begin with C(_), to which the expressions refer. C(failregex), C(ignoreregex) and C(journalmatch)
        take a list. A percent sign does not have to be doubled.
      - C(matches) and C(ignores) are lists of lines as the program writes them, with their time. An entry of C(matches)
        is also V({line, address}) if the address has to be that one. An entry with several lines is one event.
      - fail2ban removes the time from a line before it compares the rest with an expression. The error shows the rest.
      - The module also tries the samples with texts of an attacker in them, and warns if the filter then finds the
        address of a victim.
      - A name for which F(NAME.conf), or another file that is not of this module, exists is refused. To extend such a
        filter, choose another name, include the file with C(before), and write C(%(known/failregex\)s) as the first
        C(failregex).
      - A jail with such a filter reads C(logpath), or the journal if the filter has a C(journalmatch) and the jail no
        C(logpath).
      - A filter that is removed from this option is removed from the host. It is an error if a jail of another file
        uses it.
    type: dict
    default: {}
  notify:
    description:
      - Whom to report the bans of O(jails) to, by mail, by webhook, or both. A second action of each jail starts a
        program in the background after the ban, so that a receiver that does not answer delays no ban.
      - Bans that come while a report is being sent are reported together. A report that fails is lost, and the log of
        the host says so. Bans that fail2ban restores at its start, and test bans of O(prove), are not reported.
      - The receiver and the headers are in F(/etc/fail2ban/pyhost-baseline-notify.json), which only root can read. They
        are never part of a command line, a diff or the output.
    type: dict
    suboptions:
      mail:
        description: Addresses that get a mail. It is handed to the program C(sendmail), which has to be installed.
        type: list
        elements: str
        default: []
      sender:
        description: The sender of the mail. By default it is C(root).
        type: str
      webhook:
        description:
          - The address (C(https://) or C(http://)) to which a JSON object is sent with C(POST).
          - It has C(host), C(text), C(bans) (a list of objects with C(jail), C(address), C(failures), C(seconds) and
            C(time)) and C(more), the number of bans that are not in the list. Redirects are not followed.
        type: str
      headers:
        description: Headers of the request, such as C(Authorization).
        type: dict
        default: {}
      seconds:
        description: How long a receiver may take, from 1 to 60 seconds.
        type: int
        default: 10
  backend:
    description:
      - The backend of the jails with neither C(backend) nor C(logpath).
      - V(auto) selects V(systemd) if the Python interpreter of fail2ban can import C(systemd.journal) and journald
        runs. Otherwise it selects the log file of the jail, which has to exist and to be written to.
    type: str
    default: auto
  banaction:
    description:
      - The ban action of the jails without one.
      - V(auto) selects the first one that works on the host of nftables, firewalld (if it runs), ipset with iptables,
        iptables, and pf (enabled, with C(anchor "f2b/*") in its rules, which M(pyhost.baseline.pf_anchor) adds). If
        none works, the module fails and names the package to install, or what pf lacks.
      - For nftables that is C(pyhost-nftables.py), an action that the module writes to F(/etc/fail2ban/action.d). Its
        chain has the hook C(prerouting), before connection tracking and DNAT, so that bans also end open sessions,
        count in each zone of firewalld, and cover ports that the host forwards to containers. Bans that wait are made
        in one transaction, and rules that another program removes are created again within 10 seconds. Its options
        are C(type) (V(multiport), V(allports)) and C(blocktype) (V(reject), V(drop)).
      - The other actions do not cover forwarded ports, which is a warning. Before Linux 5.9 the action C(nftables) of
        fail2ban is used, with the hook C(input).
      - C(banaction) in O(defaults) has the same meaning and takes precedence.
    type: str
    default: auto
  sshd_logins:
    description:
      - How users log in at sshd. It decides what counts as a failure in jails with the filter C(sshd), so that exactly
        C(maxretry) attempts lead to a ban. A C(mode) of the jail, or a C(filter) with parameters, takes precedence.
      - With V(passwords), each wrong password of an existing user is one failure (the mode C(normal) of the filter).
        With V(keys), each connection that ends without a login is one (C(aggressive)). With both, a connection for an
        unknown user is one failure.
      - V(auto) asks sshd whether it accepts passwords. Set this option if a later task decides that.
    type: str
    choices: [auto, keys, passwords]
    default: auto
  check_sshd:
    description:
      - Whether to compare the ports of jails with the filter C(sshd) with those of sshd. It is an error if they do not
        ban on each port on which sshd listens.
      - Use V(false) in a play that configures sshd later.
    type: bool
    default: true
  ignore_controller:
    description:
      - Whether the address that Ansible connects from is added to C(ignoreip), so that no jail bans the controller.
      - It is the client address of the SSH session that runs the module. Without such a session the last address is
        kept.
      - An C(ignoreip) that another file sets, for all jails or for a requested one, is kept as well. A jail of another
        file is not changed. If it can ban the controller, there is a warning.
    type: bool
    default: false
  prove:
    description:
      - Whether to prove that bans take effect. A documentation address (RFC 5737, and RFC 3849 if the host has IPv6) is
        banned in each jail of O(jails), has to appear in the packet filter, with rules for the ports, protocols and
        verdict of the jail, is unbanned, and has to disappear from it.
        Nothing of it is left, neither in the packet filter nor in the database of fail2ban.
      - For a jail with the filter C(sshd), sshd is then made to refuse a login over loopback, as a user who does not
        exist. The jail has to count it, or to find it and ignore its address (C(ignoreip)). This needs the program
        C(ssh) on the host. A ban that it leads to is removed.
      - This is done once for each definition of each jail in a running server, which means after a change and after a
        start of the service; the login also after each start of sshd or journald. Other runs only check that the rules
        of that proof and all current bans are still in the packet filter.
      - Not done for a jail whose actions include other programs, such as mail, which would report the ban. The action
        of O(notify) does not report it.
    type: bool
    default: false
  reload:
    description:
      - Whether to bring the settings into force. With V(false) only the file is written.
    type: bool
    default: true
notes:
  - Manages the service through systemd, on FreeBSD through rc(8).
  - Not tested on FreeBSD. The code for it is tested with transcripts that were written from sources and manuals.
  - Uses the socket of the server, which answers in a thousandth of a second. fail2ban-client takes a tenth.
seealso:
  - module: pyhost.baseline.fail2ban_info
"""

EXAMPLES = r"""
- name: Ban addresses that guess SSH logins
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

- name: Ban longer each time, and repeat offenders on all ports for a week
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

- name: Report bans to a chat
  pyhost.baseline.fail2ban_jails:
    jails:
      sshd: {}
    notify:
      webhook: https://chat.example.org/hooks/4711
      headers:
        Authorization: "Bearer {{ chat_token }}"

- name: Ban addresses that guess passwords of an application
  pyhost.baseline.fail2ban_jails:
    filters:
      shop:
        failregex: '^\s*WARNING login failed for "[^"]*" from <HOST>$'
        matches:
          - '2026-11-22 10:00:00 WARNING login failed for "ann" from 192.0.2.1'
          - '2026-11-22 10:00:00 WARNING login failed for "ann" from 2001:db8::1'
        ignores:
          - '2026-11-22 10:00:00 INFO login of "ann" from 192.0.2.1'
    jails:
      sshd: {}
      shop:
        logpath: /var/log/shop/app.log
        port: http,https
"""

RETURN = r"""
jails:
  description: The values of each jail of O(jails) in the running server. In check mode, the planned values.
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
      description: Number of failures that lead to a ban.
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
      actions: [pyhost-nftables]
filters:
  description: For each filter of O(filters), the address that it finds in each line of C(matches).
  returned: success
  type: dict
  sample:
    shop: [192.0.2.1, "2001:db8::1"]
backend:
  description: The backend that was selected for jails without one.
  returned: success
  type: str
  sample: systemd
banaction:
  description: The ban action of jails without one.
  returned: success
  type: str
  sample: pyhost-nftables.py
reloaded:
  description: The jails that were reloaded, restarted or stopped.
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
  description: >-
    For each jail, whether its bans were found in the packet filter, with which addresses, or why not. Of a jail with
    the filter C(sshd) also C(counts), whether it counted a refused login at sshd. None if that is not known, with the
    reason in C(counts_reason).
  returned: success
  type: dict
  sample:
    sshd:
      proven: true
      addresses: [203.0.113.77, "2001:db8::4d"]
      actions: [pyhost-nftables]
      counts: true
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

from ansible_collections.pyhost.baseline.plugins.module_utils._core.host.code_module import CodeModule
from ansible_collections.pyhost.baseline.plugins.module_utils._inputs.arguments import ARGUMENTS


def main() -> None:
    CodeModule(argument_spec=ARGUMENTS["fail2ban_jails"], supports_check_mode=True).ensure("fail2ban_jails")


if __name__ == "__main__":
    main()
