#!/bin/sh
# sudo and visudo are those of sudo-rs, and the other ones are called sudo.ws and visudo.ws, as Ubuntu has it since 25.10.
set -eu
for path in /usr/bin/sudo /usr/sbin/visudo; do
    dpkg-divert --local --rename --divert "$path.ws" --add "$path"
    update-alternatives --install "$path" "${path##*/}" "/usr/lib/cargo/bin/${path##*/}" 50
    update-alternatives --install "$path" "${path##*/}" "$path.ws" 40
done
