"""A package that brings a file system, a layer, a bridge and a broken one: built, and installed, once."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import Final

import attrs
import pytest

PROJECT: Final = Path(__file__).parents[2]

FILES: Final = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "puffpy-brought"
        version = "1.2"

        [project.entry-points."puffpy.filesystems"]
        brought = "brought.hello:Hello"
        misprinted = "brought.hello:Helo"
        needy = "brought.needy:Needy"
        quitter = "brought.quitter:Quitter"

        [project.entry-points."puffpy.layers"]
        shouting = "brought.shouting:Shouting"
        needy-layer = "brought.needy:Layer"

        [project.entry-points."puffpy.bridges"]
        nowhere = "brought.nowhere:Nowhere"
        needy-bridge = "brought.needy:Bridge"

        [tool.hatch.build.targets.wheel]
        packages = ["brought"]
        """,
    "brought/__init__.py": '"""What a package may bring."""\n',
    "brought/hello.py": '''
        """A file system of another package."""
        import puffpy

        class Hello(puffpy.VnodeOps):
            """One file that says hello, to whom it is told to."""

            def __init__(self, *, to: str = "world"):
                self.root = puffpy.Node.directory()
                self.text = f"hello {to}\\n".encode()
                self.hello = puffpy.Node.file(0o444, size=len(self.text))

            def lookup(self, dvp, cn, call):
                if cn.name == "hello":
                    return self.hello
                raise FileNotFoundError

            def readdir(self, dvp, call):
                yield "hello", self.hello

            def read(self, vp, offset, size, call):
                return self.text[offset : offset + size]
        ''',
    "brought/shouting.py": '''
        """A layer of another package."""
        from puffpy.layers import Layer

        class Shouting(Layer):
            """What is read is in capitals."""

            def read(self, vp, offset, size, call):
                return bytes(super().read(vp, offset, size, call)).upper()
        ''',
    "brought/nowhere.py": '''
        """A bridge of another package."""
        import errno

        class Nowhere:
            """It leads nowhere."""

            def attach(self, *args, **kwargs):
                raise OSError(errno.ENXIO, "this bridge leads nowhere")
        ''',
    "brought/needy.py": "import a_package_that_nobody_has\n",
    "brought/quitter.py": "import sys\nsys.exit(3)\n",
}


@attrs.frozen
class Installed:
    """The interpreter of an environment in which the package is installed beside puffpy."""

    python: Path

    def puffpy(self, *words: str | Path, status: int = 0) -> str:
        """Run the command and check its exit status; return what it wrote, on both outputs."""
        done = subprocess.run(
            [str(self.python), "-m", "puffpy", *(str(word) for word in words)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        )
        assert done.returncode == status, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout


def pip(*words: str | Path) -> None:
    """Run pip, without a network."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *(str(word) for word in words), "--no-deps", "--no-index", "--quiet"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package, built and installed as its users would, in an environment of its own."""
    top = tmp_path_factory.mktemp("brought")
    for name, text in FILES.items():
        path = top / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    pip("wheel", "--no-build-isolation", "--wheel-dir", top / "wheels", top / "source")
    wheel = next((top / "wheels").glob("*.whl"))

    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(top / "venv")], check=True, timeout=120
    )
    site = next((top / "venv" / "lib").glob("python*/site-packages"))
    # puffpy itself, and what it needs, are those that the tests run with.
    theirs = sysconfig.get_path("purelib")
    lines = [f"import site; site.addsitedir({theirs!r})", str(PROJECT)]
    (site / "puffpy-under-test.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pip("install", "--target", site, wheel)
    return Installed(top / "venv" / "bin" / "python")
