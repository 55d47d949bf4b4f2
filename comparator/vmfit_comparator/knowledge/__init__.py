"""What several facts need to know of hosts, guests, libvirt and QEMU."""
