#!/bin/bash
# Runs inside a made-up machine: sets it up as a virtualization host, then records it.
set -u
name=$1 project=$2 interpreter=$3
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose project "$project"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose interpreter "$interpreter"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 out /out
exec >"/out/$name.log" 2>&1
modprobe -a bridge cpuid msr 8021q dm_mod iscsi_tcp tun
ip link add br0 type bridge && ip link set br0 up
[ "$name" = epyc-four-nodes ] && ip link set br0 mtu 9000 && ip link add br1 type bridge
big=$(lsblk -ndo NAME,SERIAL | awk '/SCSI-000[29]/ {print $1}')
pvcreate -q "/dev/$big" && vgcreate -q guests "/dev/$big" && lvcreate -q -y -L 16M -n web guests
mkfs.ext4 -q -F -U "$([ "$name" = epyc-four-nodes ] && echo 0e0e0e0e || echo 5e5e5e5e)-0000-4000-8000-000000000001" "$(lsblk -ndpo NAME,SERIAL | awk '/USB-0001/ {print $1}')"
echo 64 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
mkdir -p /var/lib/libvirt/images && truncate -s 8M /var/lib/libvirt/images/web.img
printf '\x31\xc0\x8e\xd8\xfb\x66\xff\x06\x00\x06\xf4\xeb\xf8' | dd of=/var/lib/libvirt/images/web.img conv=notrunc status=none
for _ in $(seq 120); do virsh -q uri >/dev/null 2>&1 && break; sleep 1; done
for filter in $(virsh -q nwfilter-list | awk '{print $2}'); do virsh -q nwfilter-undefine "$filter"; done
virsh -q pool-create-as images dir --target /var/lib/libvirt/images
cat >/run/web.xml <<END
<domain type='qemu'><name>web</name><uuid>3eb00000-0000-4000-8000-000000000001</uuid>
  <memory unit='MiB'>256</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><features><acpi/><apic/></features>
  <cpu mode='host-model'/>
  <devices>
    <disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source dev='/dev/disk/by-id/wwn-0x5000c50000000001'/><target dev='vda' bus='virtio'/></disk>
    <interface type='bridge'><mac address='52:54:00:3e:b0:01'/><source bridge='br0'/><model type='virtio'/></interface>
    <serial type='pty'/>
  </devices></domain>
END
[ "$name" = epyc-four-nodes ] || sed -i 's/<name>web/<name>shop/; s/3eb00000/5a000000/; s/b0:01/b0:04/; s/wwn-0x5000c50000000001/wwn-0x5000c50000000003/' /run/web.xml
virsh -q create /run/web.xml
if [ "$name" = epyc-four-nodes ]; then
  sed "s/<name>web/<name>archive/; s/3eb00000/a7c00000/; s/b0:01'/b0:02'/; s#/dev/disk/by-id/wwn-0x5000c50000000001#/dev/guests/web#; s/bridge='br0'/bridge='br1'/; s#<vcpu>2</vcpu>#<memoryBacking><hugepages/></memoryBacking><vcpu>2</vcpu><numatune><memory mode='strict' nodeset='0'/></numatune>#; s/>256</>64</" /run/web.xml >/run/archive.xml
  virsh -q create /run/archive.xml
  sed "s/<name>web/<name>backup/; s/3eb00000/bac00000/; s/b0:01'/b0:03'/; s#/dev/disk/by-id/wwn-0x5000c50000000001#$(ls /dev/disk/by-id/usb-*-0:0 | head -1)#; s#<cpu mode='host-model'/>##; s/>256</>64</" /run/web.xml >/run/backup.xml
  virsh -q define /run/backup.xml
fi
"$project/.venv/bin/vmfit-agent" record --overwrite "/out/$name"
echo "vmfit-agent record: $?"
# How the project got in here is no fact of the host.
sed -i -E '/ - 9p (project|interpreter|out) /d' "/out/$name/proc/self/mountinfo"
sync
