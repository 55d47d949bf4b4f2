"""What the host promises to VMs that are to come: the rules, and the file that holds them."""
