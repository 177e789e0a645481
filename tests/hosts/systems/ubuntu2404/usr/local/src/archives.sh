#!/bin/sh
# Make archives whose Release files say to be Ubuntu's, each with one package, and let apt read them.
set -eu
for suite in noble noble-updates noble-security; do
    folder=/srv/ubuntu/dists/$suite
    install -d "$folder/main/binary-all" "$folder/main/binary-amd64" "$folder/main/binary-arm64"
    {
        echo "Package: stand-in-$suite"
        printf '%s\n' 'Version: 1' 'Architecture: all' 'Maintainer: nobody' 'Description: says where it comes from'
        printf '%s\n' "Filename: pool/stand-in-${suite}_1_all.deb" 'Size: 1' "MD5sum: $(echo "$suite" | md5sum | cut -c-32)"
    } >"$folder/main/binary-amd64/Packages"
    cp "$folder/main/binary-amd64/Packages" "$folder/main/binary-arm64/Packages"
    {
        printf '%s\n' 'Origin: Ubuntu' 'Label: Ubuntu' "Suite: $suite" 'Version: 24.04' 'Codename: noble'
        printf '%s\n' 'Architectures: amd64 arm64' 'Components: main' "Date: $(LC_ALL=C date -Ru)" 'SHA256:'
        (cd "$folder" && for file in main/binary-*/Packages; do
            echo " $(sha256sum "$file" | cut -c-64) $(stat -c %s "$file") $file"
        done)
    } >"$folder/Release"
    echo "deb [trusted=yes] file:/srv/ubuntu $suite main" >>/etc/apt/sources.list.d/ubuntu.list
done
