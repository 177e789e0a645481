#!/bin/sh
# Installs version 1 of three packages and offers version 2: pyhost-wanted and pyhost-blocked in an archive of origin
# PyhostTest, pyhost-foreign in one of origin PyhostOther. Ends with the package lists up to date.
set -eu

package() { # NAME VERSION DIRECTORY
    root=$(mktemp -d)
    chmod 755 "$root"
    mkdir "$root/DEBIAN"
    cat > "$root/DEBIAN/control" << CONTROL
Package: $1
Version: $2
Architecture: all
Maintainer: The pyhost.baseline tests <tests@example.org>
Description: package of a test
CONTROL
    dpkg-deb --root-owner-group --build "$root" "$3/$1_$2_all.deb" > /dev/null
    rm -r "$root"
}

archive() { # DIRECTORY ORIGIN: index what is in it
    cd "$1"
    for deb in *.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
    done > Packages
    cat > Release << RELEASE
Origin: $2
Label: Test
Suite: test
Codename: test
Date: $(LC_ALL=C date --utc '+%a, %d %b %Y %H:%M:%S UTC')
SHA256:
 $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages
RELEASE
    echo "deb [trusted=yes] file:$1 ./" > "/etc/apt/sources.list.d/$2.list"
}

installed=$(mktemp -d)
mkdir -p /srv/allowed /srv/foreign
for name in pyhost-wanted pyhost-blocked pyhost-foreign; do
    package "$name" 1 "$installed"
    dpkg --install "$installed/${name}_1_all.deb"
done
package pyhost-wanted 2 /srv/allowed
package pyhost-blocked 2 /srv/allowed
package pyhost-foreign 2 /srv/foreign
archive /srv/allowed PyhostTest
archive /srv/foreign PyhostOther
apt-get -qq update
