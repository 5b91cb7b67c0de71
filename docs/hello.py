import puffpy


class Hello(puffpy.VnodeOps):
    """One file in one directory."""

    def __init__(self):
        self.root = puffpy.Node.directory(mode=0o755)
        self.hello = puffpy.Node.file(mode=0o444, size=6)

    def lookup(self, dvp, cn, call):
        if cn.name == "hello":
            return self.hello
        raise FileNotFoundError

    def readdir(self, dvp, call):
        yield "hello", self.hello

    def read(self, vp, offset, size, call):
        return b"world\n"[offset : offset + size]


if __name__ == "__main__":
    puffpy.main(Hello)
