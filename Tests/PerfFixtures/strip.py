#!/usr/bin/env python3
"""strip.py IN OUT: a perf.data with header, attributes and its first 40 KB of records: no names of hosts, no command lines."""
import struct
import sys

data = open(sys.argv[1], "rb").read()
magic, size, attr_size, attrs, attrs_size, records, records_size = struct.unpack_from("<8s6Q", data)
assert magic == b"PERFILE2" and attrs_size == attr_size, "one event is all that the tests read"
attr = bytearray(data[attrs:attrs + attr_size])
# The ids of its events: none needed, as there is one attribute.
struct.pack_into("<QQ", attr, attr_size - 16, 0, 0)
end = records
while end < records + min(records_size, 40000):
    end += struct.unpack_from("<H", data, end + 6)[0]
records_size = end - records
header = struct.pack("<8s6Q", magic, size, attr_size, size, attr_size, records, records_size)
header += bytes(size - len(header))  # event types, feature bits
# The records stay where they are: the text names them by their offset in the file.
out = (header + attr).ljust(records, b"\0") + data[records:records + records_size]
open(sys.argv[2], "wb").write(out)
