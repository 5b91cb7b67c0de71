"""Layers: file systems made of file systems."""
