"""A real Linux in a real virtual machine mounts what the vhost-user bridge serves."""
