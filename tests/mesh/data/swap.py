"""Writes a binary MSH file in the other byte order: python3 swap.py IN OUT.

Knows the sections of the small meshes in this folder: physical names, entities, nodes and elements.
"""
import struct
import sys

NODES_OF_TYPE = {1: 2, 2: 3, 3: 4, 4: 4, 5: 8, 8: 3, 9: 6, 10: 9, 11: 10, 12: 27, 15: 1}


class Swapper:
    def __init__(self, data):
        self.data, self.at, self.out = data, 0, bytearray()

    def line(self):
        end = self.data.index(b"\n", self.at) + 1
        text = self.data[self.at:end]
        self.at = end
        self.out += text
        return text.strip().decode()

    def numbers(self, code, n=1):
        size = struct.calcsize(code)
        raw = self.data[self.at:self.at + n * size]
        self.at += n * size
        values = struct.unpack(f"<{n}{code}", raw)
        self.out += struct.pack(f">{n}{code}", *values)
        return values

    def one(self, code):
        return self.numbers(code)[0]

    def entities(self):
        for dimension, n in enumerate(self.numbers("Q", 4)):
            for _ in range(n):
                self.one("i")
                self.numbers("d", 3 if dimension == 0 else 6)
                self.numbers("i", self.one("Q"))
                if dimension > 0:
                    self.numbers("i", self.one("Q"))

    def nodes(self, version):
        if version == "2.2":
            for _ in range(int(self.line())):
                self.one("i")
                self.numbers("d", 3)
            return
        blocks = self.numbers("Q", 4)[0]
        for _ in range(blocks):
            self.numbers("i", 3)
            n = self.one("Q")
            self.numbers("Q", n)
            self.numbers("d", 3 * n)

    def elements(self, version):
        if version == "2.2":
            left = int(self.line())
            while left > 0:
                kind, n, tags = self.numbers("i", 3)
                self.numbers("i", n * (1 + tags + NODES_OF_TYPE[kind]))
                left -= n
            return
        blocks = self.numbers("Q", 4)[0]
        for _ in range(blocks):
            kind = self.numbers("i", 3)[2]
            n = self.one("Q")
            self.numbers("Q", n * (1 + NODES_OF_TYPE[kind]))

    def run(self):
        version = ""
        while self.at < len(self.data):
            name = self.line()
            if name == "$MeshFormat":
                version = self.line().split()[0]
                self.one("i")
            elif name == "$Entities":
                self.entities()
            elif name == "$Nodes":
                self.nodes(version)
            elif name == "$Elements":
                self.elements(version)
        return self.out


with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    target.write(Swapper(source.read()).run())
