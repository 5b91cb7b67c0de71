"""The vhost-user bridge against a front end and a guest's driver that are played here, with no machine."""
