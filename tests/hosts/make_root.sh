#!/bin/bash
# Makes the Debian tree that boot_host.sh boots: make_root.sh (root; some 2 GB, once)
set -eu
root=${VMFIT_RECORDER_ROOT:-/var/tmp/vmfit-recorder/root}
packages="linux-image-amd64 initramfs-tools systemd-sysv udev kmod dbus iproute2 python3
  libvirt-daemon-system libvirt-clients libvirt-daemon-driver-qemu qemu-system-x86 qemu-utils
  ipxe-qemu ovmf swtpm swtpm-tools open-iscsi lvm2 multipath-tools e2fsprogs numactl"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$root"
mount --bind /proc "$root/proc"
trap 'umount "$root/proc"' EXIT
chroot "$root" sh -eu -c "
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends $(echo $packages)
  printf '9p\n9pnet_virtio\nvirtio_pci\n' >>/etc/initramfs-tools/modules
  update-initramfs -u"
