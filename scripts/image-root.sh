#!/usr/bin/env bash
# What makes a Debian with our packages a box that starts by itself; scripts/image has mmdebstrap call it with the root's folder.
set -euo pipefail
root=$1
config=$(dirname "$0")/../firmware-config/image

chroot "$root" sh -c 'dpkg -i /debs/*.deb && rm -r /debs'
install -m 644 "$config/fstab" "$root/etc/fstab"
install -D -m 644 "$config/80-dhcp.network" "$root/etc/systemd/network/80-dhcp.network"
for file in cmdline install.conf; do install -D -m 644 "$config/$file" "$root/etc/kernel/$file"; done
echo teilhabe-box >"$root/etc/kernel/entry-token"
echo teilhabe-box >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 teilhabe-box\n::1 localhost\n' >"$root/etc/hosts"
# Empty and not missing: each box draws its own at its first start, and that is no "first boot" at which systemd asks questions.
: >"$root/etc/machine-id"
systemctl --root="$root" --quiet enable systemd-networkd.service systemd-resolved.service
systemctl --root="$root" --quiet set-default graphical.target
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# The start partition, as kernel-install will keep it with each new kernel.
efi=$root/boot/efi
mkdir -p "$efi/EFI/BOOT" "$efi/EFI/systemd" "$efi/loader/entries"
for place in EFI/BOOT/BOOTX64.EFI EFI/systemd/systemd-bootx64.efi; do install -m 644 "$root/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$efi/$place"; done
install -m 644 "$config/loader.conf" "$efi/loader/loader.conf"
version=$(basename "$root"/usr/lib/modules/*)
chroot "$root" env SYSTEMD_RELAX_ESP_CHECKS=1 kernel-install add "$version" "/boot/vmlinuz-$version" "/boot/initrd.img-$version"
# Here the folder is no partition of its own yet, so its name stands before each path.
sed -i 's#/boot/efi/#/#' "$efi"/loader/entries/*.conf
