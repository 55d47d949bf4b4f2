#!/bin/bash
# Boots a made-up machine under QEMU's emulation and records it: boot_host.sh NAME OUT_DIR
#
# The guest's root is a Debian tree (make_root.sh) over 9p; the project and the interpreter of its
# virtual environment are shared into it, so that `vmfit-agent record` runs there as on any host.
set -eu
name=$1 out=$(readlink -f "$2")
root=${VMFIT_RECORDER_ROOT:-/var/tmp/vmfit-recorder/root}
project=$(readlink -f "$(dirname "$0")/../..")
interpreter=$(dirname "$(dirname "$(readlink -f "$project/.venv/bin/python")")")
disks=$(mktemp -d)
trap 'rm -rf "$disks"' EXIT
for disk in a b c d e f; do truncate -s 64M "$disks/$disk.img"; done
cp "$(dirname "$0")/inside.sh" "$root/usr/local/sbin/vmfit-inside"
mkdir -p "$root/project" "$root/interpreter" "$root/out"
cat >"$root/etc/systemd/system/vmfit-inside.service" <<END
[Unit]
After=libvirtd.service systemd-udev-settle.service
Wants=libvirtd.service systemd-udev-settle.service
[Service]
Type=oneshot
ExecStart=/bin/bash /usr/local/sbin/vmfit-inside $name $project $interpreter
ExecStopPost=/bin/systemctl poweroff --force
END
ln -sf ../vmfit-inside.service "$root/etc/systemd/system/multi-user.target.wants/"
# 9p carries no sockets: libvirt and QEMU keep theirs in memory.
echo "tmpfs /var/lib/libvirt tmpfs defaults 0 0" >"$root/etc/fstab"
mkdir -p "$root$project" "$root$interpreter"

share() { # tag path
  echo "-fsdev local,id=$1,path=$2,security_model=none,multidevs=remap -device virtio-9p-pci,fsdev=$1,mount_tag=$1"
}
drive() { echo "-drive if=none,id=$1,format=raw,file=$disks/$1.img"; }
common="-machine q35 -accel tcg,thread=multi -nographic -no-reboot -nic user,model=e1000e,mac=52:54:00:0e:00:01
  $(share root "$root") $(share project "$project") $(share interpreter "$interpreter") $(share out "$out")"

case $name in
epyc-four-nodes)
  machine="-smp 8,sockets=2,dies=1,cores=2,threads=2 -m 4G -cpu EPYC-Rome
    $(for node in 0 1 2 3; do
      echo "-object memory-backend-ram,id=m$node,size=1G -numa node,nodeid=$node,cpus=$((node * 2))-$((node * 2 + 1)),memdev=m$node"
    done)
    $(drive a) -device nvme,drive=a,serial=NVME-0001
    -device virtio-scsi-pci,id=scsi
    $(drive b) -device scsi-hd,bus=scsi.0,drive=b,vendor=ACME,product=Tower,serial=SCSI-0001,wwn=0x5000c50000000001
    $(drive c) -device scsi-hd,bus=scsi.0,drive=c,vendor=ACME,product=Tower,serial=SCSI-0002,wwn=0x5000c50000000002
    $(drive f) -device scsi-hd,bus=scsi.0,drive=f,vendor=ACME,product=Tower,serial=SCSI-0003,wwn=0x5000c50000000003
    $(drive d) -device virtio-blk-pci,drive=d,serial=VIRT-0001
    -device qemu-xhci $(drive e) -device usb-storage,drive=e,serial=USB-0001"
  ;;
skylake-memory-only-node)
  machine="-smp 4,sockets=2,cores=2,threads=1 -m 3G -cpu Skylake-Server-noTSX-IBRS
    -object memory-backend-ram,id=m0,size=1G -numa node,nodeid=0,cpus=0-1,memdev=m0
    -object memory-backend-ram,id=m1,size=1G -numa node,nodeid=1,cpus=2-3,memdev=m1
    -object memory-backend-ram,id=m2,size=1G -numa node,nodeid=2,memdev=m2
    -numa dist,src=0,dst=1,val=21 -numa dist,src=0,dst=2,val=31 -numa dist,src=1,dst=2,val=31
    $(drive a) -device ide-hd,bus=ide.0,drive=a,model=Spinner,serial=SATA-0001
    -device virtio-scsi-pci,id=scsi
    $(drive b) -device scsi-hd,bus=scsi.0,drive=b,vendor=ACME,product=Tower,serial=SCSI-0001,wwn=0x5000c50000000001
    $(drive c) -device scsi-hd,bus=scsi.0,drive=c,vendor=ACME,product=Tower,serial=SCSI-0009,wwn=0x5000c50000000009
    $(drive f) -device scsi-hd,bus=scsi.0,drive=f,vendor=ACME,product=Tower,serial=SCSI-0003,wwn=0x5000c50000000003
    -device qemu-xhci $(drive e) -device usb-storage,drive=e,serial=USB-0001"
  ;;
*) echo "no such machine: $name" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
exec timeout "${VMFIT_RECORDER_SECONDS:-900}" qemu-system-x86_64 $common $machine \
  -kernel "$(ls "$root"/boot/vmlinuz-* | tail -1)" -initrd "$(ls "$root"/boot/initrd.img-* | tail -1)" \
  -append "root=root rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=262144,cache=loose rw console=ttyS0 quiet systemd.hostname=$name"
