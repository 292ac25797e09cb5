"""Prints width, height, channels and the samples of an 8-bit PNG without interlace: read_png.py FILE"""
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, packed = 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
    if kind == b"IHDR":
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        assert depth == 8 and interlace == 0
        channels = {0: 1, 2: 3}[colour]
    if kind == b"IDAT":
        packed += body
    at += 12 + size
raw, stride = zlib.decompress(packed), width * channels
above, rows = bytearray(stride), []
for y in range(height):
    how, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
    for i in range(stride):
        a = line[i - channels] if i >= channels else 0
        b, c = above[i], above[i - channels] if i >= channels else 0
        p = a + b - c
        paeth = min((a, b, c), key=lambda v: abs(p - v))
        line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[how]) & 255
    rows.append(line)
    above = line
print(width, height, channels, *(v for row in rows for v in row))
