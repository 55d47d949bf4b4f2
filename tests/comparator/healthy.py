"""A healthy pair of hosts and a VM for which every fact says YES, as text-format messages."""

_FEATURES = """
aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de f16c fma fpu fsgsbase fxsr
hypervisor invpcid lahf_lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmuldq pge pni
popcnt pse pse36 rdrand rdtscp sep smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall
tsc tsc-deadline vme x2apic xsave xsaveopt
"""
FEATURES = _FEATURES.split()

SOURCE = r"""
schema_revision: 1
agent_version: "0.1.0"
taken_at { seconds: 1700000000 }
identity {
  hostname: "alpha" machine_id: "a1000000000000000000000000000001"
  boot_id: "a2000000-0000-4000-8000-000000000001"
  product_uuid: "a3000000-0000-4000-8000-000000000001"
  libvirt_host_uuid: "a4000000-0000-4000-8000-000000000001"
  libvirt_identities {
    uri: "qemu:///system" host_uuid: "a4000000-0000-4000-8000-000000000001"
    hostname: "alpha.example.net"
  }
  canonical_hostname: "alpha.example.net" hostname_addresses: "192.0.2.1"
  os_pretty_name: "Debian GNU/Linux 12 (bookworm)" os_id: "debian" os_version_id: "12"
  architecture: "x86_64"
}
cpu {
  architecture: "x86_64" vendor: "GenuineIntel"
  model_name: "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"
  family: 6 model: 85 stepping: 4 microcode_revisions: "0x2007006"
  physical_address_bits: 46 virtual_address_bits: 48
  xsave { feature_mask: 7 supervisor_mask: 0 maximum_size_bytes: 832 }
  tsc { frequency_hz: 2100000000 scaling: true invariant: true }
  topology { socket_count: 2 die_count: 2 core_count: 8 thread_count: 8 }
  online_cpu_ids: [0, 1, 2, 3, 4, 5, 6, 7]
  vulnerabilities { key: "meltdown" value: "Mitigation: PTI" }
  vulnerabilities { key: "mds" value: "Not affected" }
  kvm { nested: true maximum_vcpu_count: 1024 }
}
numa {
  nodes {
    node_id: 0 cpu_ids: [0, 1, 2, 3] distances: [10, 21]
    total_bytes: 17179869184 free_bytes: 12884901888 reclaimable_bytes: 1073741824
    huge_pages { size_bytes: 2097152 total_count: 1024 free_count: 1024 }
    huge_pages { size_bytes: 1073741824 total_count: 0 free_count: 0 }
  }
  nodes {
    node_id: 1 cpu_ids: [4, 5, 6, 7] distances: [21, 10]
    total_bytes: 17179869184 free_bytes: 12884901888 reclaimable_bytes: 1073741824
    huge_pages { size_bytes: 2097152 total_count: 1024 free_count: 1024 }
    huge_pages { size_bytes: 1073741824 total_count: 0 free_count: 0 }
  }
}
memory {
  total_bytes: 34359738368 free_bytes: 25769803776 available_bytes: 27917287424
  swap_total_bytes: 2147483648 swap_free_bytes: 2147483648
  commit_limit_bytes: 19327352832 committed_bytes: 4294967296 overcommit_mode: 0
  pressure {}
  transparent_huge_pages: "madvise" ksm {}
  huge_pages {
    size_bytes: 2097152 total_count: 2048 free_count: 2048
    reserved_count: 0 overcommit_count: 0 surplus_count: 0
  }
  huge_pages {
    size_bytes: 1073741824 total_count: 0 free_count: 0
    reserved_count: 0 overcommit_count: 0 surplus_count: 0
  }
  default_huge_page_bytes: 2097152
}
block_devices {}
mounts {
  mounts {
    mount_point: "/" type: "ext4" source: "/dev/sda1" root: "/" device_number: "8:1"
    size_bytes: 107374182400 available_bytes: 53687091200
  }
  mounts {
    mount_point: "/srv/shared" type: "nfs4" source: "filer:/export" root: "/"
    server: "filer" export: "/export" device_number: "0:44" filesystem_uuid: "filer:/export"
    size_bytes: 1099511627776 available_bytes: 549755813888 shared: true
  }
}
iscsi {}
network {
  listening_ports { address: "::" port: 16509 }
  listening_ports { address: "::" port: 16514 }
  interfaces { name: "lo" type: "loopback" mtu_bytes: 65536 up: true operational_state: "unknown" }
  interfaces {
    name: "eth0" type: "physical" mtu_bytes: 1500 up: true operational_state: "up"
    carrier: true speed_bits_per_second: 10000000000 master: "br0"
  }
  interfaces {
    name: "br0" type: "bridge" mtu_bytes: 1500 up: true operational_state: "up" carrier: true
    addresses: "192.0.2.1/24" bridge { ports: "eth0" }
  }
}
pci {}
usb {}
kernel {
  release: "6.1.0-18-amd64" version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1"
  modules { name: "kvm_intel" parameters { key: "nested" value: "Y" } }
  modules { name: "kvm" }
  modules { name: "tun" }
  modules { name: "vhost_net" }
  kvm_usable: true
  limits {
    aio_max_count: 1048576 aio_used_count: 0 pid_max: 4194304 threads_max_count: 255999
    max_map_count: 65530 file_max_count: 9223372036854775807 file_used_count: 2048
    nofile_hard_count: 524288 memlock_unlimited: true
    allowed_cpu_ids: [0, 1, 2, 3, 4, 5, 6, 7] pids_max_count: 32768
  }
  device_nodes: ["kvm", "net/tun", "vhost-net"]
}
clock { synchronised: true clock_source: "tsc" time_zone: "Etc/UTC" }
security { helper_sockets { log: true lock: true } }
hypervisor {
  connections {
    uri: "qemu:///system" driver: "QEMU" libvirt_version: 9000000 hypervisor_version: 7002000
    migration_transports: ["tcp", "rdma"] live_migration: true
    security_models { model: "none" doi: "0" }
    page_sizes_bytes: [4096, 2097152, 1073741824]
    guest_archs {
      os_type: "hvm" architecture: "x86_64" word_size_bits: 64
      emulator_path: "/usr/bin/qemu-system-x86_64" domain_types: ["qemu", "kvm"]
      machine_types { name: "pc-q35-7.2" max_vcpu_count: 288 }
      machine_types { name: "q35" canonical: "pc-q35-7.2" max_vcpu_count: 288 }
      machine_types { name: "pc-i440fx-7.2" max_vcpu_count: 255 }
      machine_types { name: "pc" canonical: "pc-i440fx-7.2" max_vcpu_count: 255 }
    }
    domain_capabilities {
      emulator_path: "/usr/bin/qemu-system-x86_64" domain_type: "kvm"
      machine_type: "pc-q35-7.2" architecture: "x86_64" max_vcpu_count: 288
      cpu_modes { mode: "host-passthrough" supported: true migratable: ["on", "off"] }
      cpu_modes { mode: "maximum" supported: true migratable: ["on", "off"] }
      cpu_modes { mode: "host-model" supported: true }
      cpu_modes { mode: "custom" supported: true }
      host_model { model: "Skylake-Server-IBRS" vendor: "Intel" expanded: true }
      models { name: "Haswell-noTSX-IBRS" usable: true vendor: "Intel" }
      firmware { auto_types: ["bios", "efi"] loader_types: ["rom", "pflash"] secure: "no" }
      device_classes {
        name: "disk" supported: true
        enums { name: "bus" values: ["ide", "scsi", "virtio", "usb", "sata"] }
      }
      device_classes {
        name: "video" supported: true enums { name: "modelType" values: ["vga", "virtio", "none"] }
      }
      device_classes {
        name: "rng" supported: true
        enums { name: "model" values: ["virtio"] }
        enums { name: "backendModel" values: ["random", "egd", "builtin"] }
      }
      memory_backing_types: ["file", "anonymous", "memfd"] iothreads: true
    }
  }
  swtpm_version: "0.7.1"
}
libvirt_objects {}
domains {}
attributes {}
"""

VM = r"""
name: "guest" uuid: "11111111-2222-4333-8444-555555555555"
connection_uri: "qemu:///system" domain_type: "kvm" os_type: "hvm" architecture: "x86_64"
machine_type: "pc-q35-7.2"
emulator { path: "/usr/bin/qemu-system-x86_64" exists: true kind: "file" }
state: VM_STATE_RUNNING state_reason: "booted" persistent: true
cpu {
  mode: "custom" match: "exact" check: "full" model: "Haswell-noTSX-IBRS" fallback: "forbid"
  vendor: "Intel" expanded: true
}
vcpus { current_count: 2 maximum_count: 2 placement: "static" }
memory { maximum_bytes: 2147483648 current_bytes: 2147483648 resident_bytes: 1610612736 }
disks {
  target: "vda" bus: "virtio" device: "disk" cache: "none"
  source {
    type: "file" format: "qcow2" virtual_size_bytes: 10737418240 allocation_bytes: 1073741824
    path {
      path: "/srv/shared/guest.qcow2" exists: true kind: "file" size_bytes: 1073741824 inode: 42
      filesystem {
        mount_point: "/srv/shared" type: "nfs4" source: "filer:/export" root: "/" shared: true
      }
      mode: 384 owner_id: 64055
    }
  }
}
nics {
  mac: "52:54:00:00:00:01" type: "bridge" bridge: "br0" model: "virtio" host_tap: "vnet0"
}
timers { name: "rtc" tick_policy: "catchup" }
jobs {}
snapshot_count: 0
checkpoint_count: 0
pending_configuration: false
hypervisor_features { enabled: ["acpi", "apic"] }
clock_offset: "utc"
"""

PROBES = r"""
destination_name { name: "beta.example.net" answer { addresses: "192.0.2.2" } }
migration_port {
  host: "beta.example.net" port: 49152
  answer { outcome: CONNECT_OUTCOME_CONNECTED address: "192.0.2.2" }
}
accesses {
  path: "/srv/shared/guest.qcow2" write: true answer { allowed: true user_id: 64055 }
}
"""
