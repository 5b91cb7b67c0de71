"""The guest's kernel: Debian's small one for virtual machines, fetched once and kept.

``python -m tests.guest.kernel`` fetches it, with apt and no right to install anything.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import attrs

PROJECT: Final = Path(__file__).parents[2]
KEPT: Final = PROJECT / "build" / "guest"

PACKAGE: Final = "linux-image-cloud-amd64"
"""Depends on the present kernel, whose own name changes with each of its releases."""

MODULES: Final = (
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "fuse",
    "virtiofs",
)
"""In the order in which they are loaded: a package that is only unpacked has no modules.dep."""


@attrs.frozen
class Kernel:
    """A kernel's image, and the modules that a guest needs, in order."""

    image: Path
    modules: tuple[Path, ...]

    @property
    def complete(self) -> bool:
        """Whether everything is there."""
        return self.image.exists() and all(module.exists() for module in self.modules)


def kept() -> Kernel:
    """Return where the kernel is kept, whether it is there or not."""
    return Kernel(KEPT / "vmlinuz", tuple(KEPT / f"{name}.ko" for name in MODULES))


def fetch() -> Kernel:
    """Fetch the kernel unless it is there; return it."""
    kernel = kept()
    if kernel.complete:
        return kernel
    depends = _said("apt-cache", "depends", "--important", PACKAGE)
    name = next(
        word for line in depends.splitlines() if "Depends: linux-image-" in line for word in line.split()[1:]
    )
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="guest-kernel-") as place:
        _said("apt-get", "download", "-qq", name, cwd=place)
        (package,) = Path(place).glob("*.deb")
        _said("dpkg-deb", "--extract", str(package), place)
        for module in kernel.modules:
            (found,) = Path(place).rglob(module.name)
            shutil.copy(found, module)
        (image,) = Path(place, "boot").glob("vmlinuz-*")
        shutil.copy(image, kernel.image)
    return kernel


def _said(*command: str, cwd: str | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    return done.stdout


if __name__ == "__main__":
    fetch()
