"""Property values as they travel between engine and provider, decoded to plain Python and back.

Unknown values (a preview's results that do not exist yet) become `UNKNOWN`, assets and archives become `Asset` and
`Archive`, whole numbers become `int`. Secrets are unwrapped; `secret_keys` names the properties that held one, so that
`encode` can wrap the same properties again.
"""

import io
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import struct_pb2

Properties = dict[str, Any]

UNKNOWN_SENTINEL: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

# The oldest time a ZIP entry can hold: the same source always gives the same bytes.
ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class Unknown:
    """A value that is not known before the rollout."""

    def __repr__(self) -> str:
        return "(known after the rollout)"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Asset:
    """One file: a path or a literal text. Equal when the content's hash is equal."""

    raw: Mapping[str, Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Asset) or type(self) is not type(other):
            return False
        return bool(self.raw.get("hash") == other.raw.get("hash"))

    def __hash__(self) -> int:
        return hash(self.raw.get("hash"))

    def content(self) -> bytes:
        """The file's bytes."""
        if "text" in self.raw:
            return str(self.raw["text"]).encode()
        return _existing(self.raw, "asset").read_bytes()


@dataclass(frozen=True, eq=False)
class Archive(Asset):
    """A set of files: a folder, an archive file or a mapping of names to assets and archives."""

    def content(self) -> bytes:
        """The archive as the bytes of a ZIP file; a ZIP file on disk is taken as it is."""
        import zipfile  # only functions need it

        if "assets" not in self.raw:
            path = _existing(self.raw, "archive")
            if path.is_file() and path.suffix in {".zip", ".jar"}:
                return path.read_bytes()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content, mode in sorted(self.entries()):
                entry = zipfile.ZipInfo(name, ZIP_EPOCH)
                entry.external_attr = mode << 16
                zipped.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def entries(self, prefix: str = "") -> Iterator[tuple[str, bytes, int]]:
        """Name, content and file mode of every file."""
        if "assets" in self.raw:
            for name, member in self.raw["assets"].items():
                if isinstance(member, Archive):
                    yield from member.entries(f"{prefix}{name}/")
                else:
                    yield prefix + name, member.content(), 0o644
            return
        import tarfile
        import zipfile

        path = _existing(self.raw, "archive")
        if path.is_dir():
            for file in (Path(folder) / name for folder, _, names in os.walk(path) for name in names):
                mode = 0o755 if os.access(file, os.X_OK) else 0o644
                yield prefix + file.relative_to(path).as_posix(), file.read_bytes(), mode
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as source:
                yield from ((prefix + i.filename, source.read(i), i.external_attr >> 16 or 0o644)
                            for i in source.infolist() if not i.is_dir())  # fmt: skip
        else:
            with tarfile.open(path) as tar:
                for item in (item for item in tar.getmembers() if item.isfile()):
                    stream = tar.extractfile(item)
                    yield prefix + item.name.removeprefix("./"), stream.read() if stream else b"", item.mode


def _existing(raw: Mapping[str, Any], kind: str) -> Path:
    if "path" not in raw:
        raise ValueError(f"this {kind} has neither a path nor content: a URI is not supported by the local provider")
    path = Path(raw["path"])
    if not path.exists():
        raise ValueError(f"the {kind} {path} does not exist (seen from {Path.cwd()}): give an absolute path")
    return path


def decode(struct: struct_pb2.Struct) -> Properties:
    """The properties of a message; a null counts as not given."""
    return {key: value for key, field in struct.fields.items() if (value := _decode_value(field)) is not None}


def _decode_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _signed({key: _decode_value(field) for key, field in value.struct_value.fields.items()})
        case "list_value":
            return [_decode_value(item) for item in value.list_value.values]
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_SENTINEL else value.string_value
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _signed(value: Properties) -> Any:
    """Values of special types carry a signature; all others drop their nulls."""
    match value.get(SIGNATURE_KEY):
        case str() as signature if signature in (SECRET_SIGNATURE, OUTPUT_SIGNATURE):
            return value.get("value", UNKNOWN)
        case str() as signature if signature == ASSET_SIGNATURE:
            return Asset(value)
        case str() as signature if signature == ARCHIVE_SIGNATURE:
            return Archive(value)
        case str() as signature if signature == RESOURCE_SIGNATURE:
            return value.get("id", UNKNOWN)
        case _:
            return {key: item for key, item in value.items() if item is not None}


def secret_keys(*structs: struct_pb2.Struct) -> set[str]:
    """The top-level properties that hold a secret anywhere inside."""
    return {key for struct in structs for key, field in struct.fields.items() if _holds_secret(field)}


def _holds_secret(value: struct_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return any(_holds_secret(item) for item in value.list_value.values)
    if kind != "struct_value":
        return False
    fields = value.struct_value.fields
    if SIGNATURE_KEY in fields:
        signature = fields[SIGNATURE_KEY].string_value
        if signature == SECRET_SIGNATURE or (signature == OUTPUT_SIGNATURE and fields["secret"].bool_value):
            return True
    return any(_holds_secret(item) for item in fields.values())


def encode(properties: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Return a message of the properties, with those named in `secrets` wrapped as secrets."""
    struct = struct_pb2.Struct()
    struct.update({key: _secret(_encode(value)) if key in secrets else _encode(value)
                   for key, value in properties.items()})  # fmt: skip
    return struct


def _secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value}


def _encode(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_SENTINEL
    if isinstance(value, Asset):
        return _encode(value.raw)
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """True if the value is, or contains, one that is not known yet."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
