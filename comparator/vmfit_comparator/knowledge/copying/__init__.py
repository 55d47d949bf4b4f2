"""How long a migration takes and how long its guest stands still, by playing QEMU's rounds."""
