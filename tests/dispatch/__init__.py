"""Requests to operations to replies, asked in bytes."""
