"""The hypervisor, libvirt's own files, and programs beside them."""
