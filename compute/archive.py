"""Reproducible ZIP archives: sorted, without times, compressed by a pinned library."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import deflate

_LEVEL = 6
_MADE_ON_UNIX = 3 << 8 | 20  # version 2.0 of the format, attributes as Unix has them
_UTF_8 = 1 << 11
_DEFLATED = 8
_DATE = (1 << 5) | 1  # 1 January 1980, the earliest that the format knows
_REGULAR_FILE = 0o100000
MAXIMUM_FILES = 0xFFFF  # more need the 64-bit extension of the format


@dataclass(frozen=True)
class File:
    """A file of an archive."""

    content: bytes
    executable: bool = False

    @property
    def mode(self) -> int:
        """Permissions, independent of the umask: Lambda needs files that all users can read."""
        return 0o755 if self.executable else 0o644


def zip_bytes(files: Mapping[str, File]) -> bytes:
    """Return the archive of these files by name; at most MAXIMUM_FILES.

    Compressed by libdeflate of the locked package `deflate`: the output of one version is always the same
    (github.com/ebiggers/libdeflate/issues/400), while zlib's differs between versions and forks, and Python uses the
    system's. Format: "APPNOTE.TXT", PKWARE.
    """
    entries: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, file in sorted(files.items()):
        path = name.encode()
        data = bytes(deflate.deflate_compress(file.content, _LEVEL))
        common = struct.pack(
            "<HHHHHLLLHH",
            20, 0 if path.isascii() else _UTF_8, _DEFLATED, 0, _DATE,
            zlib.crc32(file.content), len(data), len(file.content), len(path), 0,
        )  # fmt: skip
        entries.append(b"PK\x03\x04" + common + path + data)
        attributes = (_REGULAR_FILE | file.mode) << 16
        tail = struct.pack("<HHHLL", 0, 0, 0, attributes, offset)
        directory.append(b"PK\x01\x02" + struct.pack("<H", _MADE_ON_UNIX) + common + tail + path)
        offset += len(entries[-1])
    size = sum(map(len, directory))
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, len(directory), len(directory), size, offset, 0)
    return b"".join((*entries, *directory, end))
