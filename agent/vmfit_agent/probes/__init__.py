"""Questions that no snapshot can hold, asked of the host that this process runs on."""
