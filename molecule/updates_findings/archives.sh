#!/bin/sh
# Replaces the host's archives by stand-ins of Debian's on its own disk: the release, its security archive, its backports
# and one of another origin. Two packages are installed that have security updates; that of pyhost-needs depends on
# pyhost-new, which only the release has.
set -eu
. /etc/os-release
top=/srv/archives
rm -rf "$top"

package() { # NAME VERSION FOLDER [DEPENDS]
    root=$(mktemp -d)
    chmod 755 "$root"
    mkdir -p "$root/DEBIAN" "$3"
    cat > "$root/DEBIAN/control" << CONTROL
Package: $1
Version: $2
Architecture: all
Maintainer: The pyhost.baseline tests <tests@example.org>
Depends: ${4:-dpkg}
Description: package of a test
CONTROL
    dpkg-deb --root-owner-group --build "$root" "$3/$1_$2_all.deb" > /dev/null
    rm -r "$root"
}

archive() { # FOLDER ORIGIN LABEL SUITE CODENAME [FIELD…]: index what is in it
    cd "$1"
    folder=$1 origin=$2 label=$3 suite=$4 codename=$5
    shift 5
    for deb in *.deb; do
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
    done > Packages
    {
        printf '%s\n' "Origin: $origin" "Label: $label" "Suite: $suite" "Codename: $codename" "Version: $VERSION_ID" "$@"
        echo "Date: $(LC_ALL=C date --utc '+%a, %d %b %Y %H:%M:%S UTC')"
        printf 'SHA256:\n %s %s Packages\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)"
    } > Release
    echo "deb [trusted=yes] file:$folder ./" >> /etc/apt/sources.list.d/archives.list
}

mkdir -p /root/sources
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    if [ -e "$file" ] && [ "${file##*/}" != archives.list ]; then mv "$file" /root/sources/; fi
done
rm -f /etc/apt/sources.list.d/archives.list
for name in pyhost-plain pyhost-needs; do
    package "$name" 1 "$top/release"
    dpkg --install "$top/release/${name}_1_all.deb"
done
package pyhost-new 1 "$top/release"
package pyhost-plain 2 "$top/security"
package pyhost-needs 2 "$top/security" pyhost-new
package pyhost-plain 3 "$top/backports"
package pyhost-plain 4 "$top/foreign"
archive "$top/release" Debian Debian stable "$VERSION_CODENAME"
archive "$top/security" Debian Debian-Security stable-security "$VERSION_CODENAME-security"
archive "$top/backports" 'Debian Backports' 'Debian Backports' stable-backports "$VERSION_CODENAME-backports" \
    'NotAutomatic: yes' 'ButAutomaticUpgrades: yes'
archive "$top/foreign" PyhostForeign Foreign foreign foreign 'NotAutomatic: yes'
apt-get -qq update
