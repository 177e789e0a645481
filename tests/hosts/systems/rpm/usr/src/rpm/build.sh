#!/bin/sh
# Build the RPMs of the stand-in's repositories, and their metadata; the distribution's own have a security advisory.
set -eu
cd /usr/src/rpm
. /etc/os-release
case $ID in
fedora) dist=fc$VERSION_ID ;;
*) dist=el${VERSION_ID%%.*} ;;
esac
build() {
  rpmbuild --quiet -bb --define "_rpmdir /srv/rpm/os" --define "_topdir /tmp/rpmbuild" \
    --define "id $ID" --define "version_id $VERSION_ID" --define "dist_name $dist" \
    --define "_sourcedir /usr/src/rpm" --define "_buildhost stand-in.example.org" \
    --define "_binary_payload w0.gzdio" --define "__os_install_post %{nil}" "$@"
}
mkdir -p /srv/rpm/os
for spec in *.spec; do build "$spec"; done
for spec in advised plain; do build --define "newer 2.0" "$spec.spec"; done
rm -rf /tmp/rpmbuild
python3 debian.py /srv/rpm
# A repository that is configured and holds nothing has its metadata too.
sed -n 's|^baseurl=file://||p' /etc/yum.repos.d/*.repo | xargs mkdir -p
for folder in /srv/rpm/*/; do createrepo_c --quiet "$folder"; done
for name in os appstream updates; do
  if [ -d /srv/rpm/$name ]; then modifyrepo_c --mdtype=updateinfo updateinfo.xml /srv/rpm/$name/repodata >/dev/null; fi
done
