#!/bin/sh
# Build the RPMs of the stand-in's repository, and its metadata with one security advisory.
set -eu
cd /usr/src/rpm
mkdir -p /srv/rpm/os
build() {
  rpmbuild --quiet -bb --define "_rpmdir /srv/rpm/os" --define "_topdir /tmp/rpmbuild" \
    --define "_sourcedir /usr/src/rpm" --define "_binary_payload w0.gzdio" --define "__os_install_post %{nil}" "$@"
}
for spec in *.spec; do build "$spec"; done
for spec in advised plain; do build --define "newer 2.0" "$spec.spec"; done
rm -rf /tmp/rpmbuild
createrepo_c --quiet /srv/rpm/os
modifyrepo_c --mdtype=updateinfo updateinfo.xml /srv/rpm/os/repodata >/dev/null
