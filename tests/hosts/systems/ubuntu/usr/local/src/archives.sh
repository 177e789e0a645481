#!/bin/sh
# Make archives whose Release files say to be Ubuntu's and, of its paid maintenance, ESM's (`esm`: those alone); each has
# one package, and apt reads them.
set -eu
# shellcheck source=/dev/null
. /usr/lib/os-release
archive() {
    origin=$1 suite=$2 folder=/srv/ubuntu/dists/$2
    install -d "$folder/main/binary-all" "$folder/main/binary-amd64" "$folder/main/binary-arm64"
    {
        echo "Package: stand-in-$suite"
        printf '%s\n' 'Version: 1' 'Architecture: all' 'Maintainer: nobody' 'Description: says where it comes from'
        printf '%s\n' "Filename: pool/stand-in-${suite}_1_all.deb" 'Size: 1' "MD5sum: $(echo "$suite" | md5sum | cut -c-32)"
    } >"$folder/main/binary-amd64/Packages"
    cp "$folder/main/binary-amd64/Packages" "$folder/main/binary-arm64/Packages"
    {
        printf '%s\n' "Origin: $origin" "Label: $origin" "Suite: $suite" "Version: $VERSION_ID" "Codename: $VERSION_CODENAME"
        printf '%s\n' 'Architectures: amd64 arm64' 'Components: main' "Date: $(LC_ALL=C date -Ru)" 'SHA256:'
        (cd "$folder" && for file in main/binary-*/Packages; do
            echo " $(sha256sum "$file" | cut -c-64) $(stat -c %s "$file") $file"
        done)
    } >"$folder/Release"
    echo "deb [trusted=yes] file:/srv/ubuntu $suite main" >>/etc/apt/sources.list.d/ubuntu.list
}
if [ "${1:-}" != esm ]; then
    for pocket in '' -updates -security; do
        archive Ubuntu "$VERSION_CODENAME$pocket"
    done
fi
archive UbuntuESMApps "$VERSION_CODENAME-apps-security"
archive UbuntuESM "$VERSION_CODENAME-infra-security"
