#!/bin/sh
# Take Python away: dnf 5 runs without. On the stand-in the files are Debian's: they become RPMs under Fedora's names in a
# repository of their own first. rpm is linked with libpython3.*.so there: what is not the interpreter's and its modules' stays.
set -eu
rpm -qa 'python3*' | xargs -r rpm -e --nodeps
command -v dpkg >/dev/null || exit 0
repository=/srv/rpm/python
work=/var/tmp/python
mkdir -p "$repository" "$work"
make_rpm() { # NAME, DEBIAN PACKAGES, REQUIRES
  # shellcheck disable=SC2086  # a list of package names
  dpkg -L $2 | sort -u | while read -r path; do [ -d "$path" ] && [ ! -L "$path" ] || echo "$path"; done >"$work/$1.files"
  mkdir "$work/$1"
  tar -c -P --transform 's,^/,,' --files-from="$work/$1.files" | tar -x -C "$work/$1"
  cat >"$work/$1.spec" <<SPEC
Name: $1
Epoch: 1
Version: 3
Release: 1
Summary: Debian's files under a name of Fedora's
License: various
AutoReqProv: no
${3:+Requires: $3}
%description
%{summary}.
%install
rm -rf %{buildroot}
mv $work/$1 %{buildroot}
%files -f $work/$1.files
SPEC
  rpmbuild --quiet -bb --define "_rpmdir $repository" --define "_topdir $work/rpmbuild" --define "debug_package %{nil}" \
    --define "_binary_payload w0.gzdio" --define "__os_install_post %{nil}" "$work/$1.spec"
}
python=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'python3*' 'libpython3*-minimal' 'libpython3*-stdlib' |
  sed -n '/libdnf5/d; s/^ii *//p')
make_rpm python3 "$python" ""
make_rpm python3-libdnf5 python3-libdnf5 python3
createrepo_c --quiet "$repository"
printf '[python]\nname=Python\nbaseurl=file://%s\ngpgcheck=0\n' "$repository" >/etc/yum.repos.d/python.repo
# shellcheck disable=SC2086  # a list of package names
dpkg --purge --force-depends python3-libdnf5 $python
