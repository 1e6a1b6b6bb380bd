"""Backups and drop-boxes of Cairn, version 1, written from crypto/FORMAT.md §18 and §19 alone.

As in cairn_format.py, whole contents are in memory, and nothing is constant in time.
"""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cairn_format import (
    MAC,
    File,
    H,
    Refused,
    base32_decode,
    base32_encode,
    box,
    capability_checksum,
    cbor_decode,
    cbor_encode,
    derive,
    number,
    open_box,
    pack,
    sha256,
    take_fields,
    u8,
    u32,
    u64,
    unpack,
    utf16_units,
    want,
)

# §18.1 Keys and the file `repository` --------------------------------------------------------------------------------

KINDS = {"data": 1, "tree": 2, "list": 3}
COMPRESSIONS = {"stored": 0, "zstd": 1}
MAX_BLOB, MAX_PACK, MAX_ROWS = 4194304, 33554432, 65536
MAX_PACKS, MAX_INDEX_ROWS = 16384, 262144


class Bytes:
    """Reads values one after the other; running out is refused."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        want(size <= len(self.data) - self.at, f"wanted {size} bytes more, found {len(self.data) - self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), "big")

    def u64(self):
        return number(self.take(8))

    def end(self):
        want(self.at == len(self.data), "wanted nothing more")


class Repository(NamedTuple):
    created: int
    content_key: bytes
    drop_key: bytes = None

    def to_bytes(self):
        fields = {"version": 1, "created": self.created, "contentKey": self.content_key}
        return cbor_encode(fields | ({"dropKey": self.drop_key} if self.drop_key else {}))


def parse_repository(data):
    want(len(data) <= 1024, "repository: wanted at most 1,024 bytes")
    names = {"version": int, "created": int, "contentKey": bytes, "dropKey": [bytes]}
    version, created, content_key, drop_key = take_fields(cbor_decode(data), **names)
    want(version == 1, f"repository: wanted version 1, found {version}")
    want(all(len(key) == 32 for key in (content_key, drop_key) if key is not None), "repository: wanted keys of 32 bytes")
    return Repository(created, content_key, drop_key)


# §18.2 Cutting -------------------------------------------------------------------------------------------------------


class Numbers(NamedTuple):
    least: int
    most: int
    P: int
    C: int
    S: int


FILES = Numbers(262144, 4194304, 13, 92, 16)
TREES = Numbers(32768, 524288, 10, 92, 13)


def words(data):
    return [int.from_bytes(data[o : o + 4], "big") for o in range(0, len(data), 4)]


def cut_table(cut_key):
    return [word for i in range(32) for word in words(MAC(cut_key, "cutTable", u8(i)))]


def rolling_hash(table, content, p):
    """hash(p), by its definition."""
    return sum(table[content[p - 1 - i]] << i for i in range(32)) % 2**32


def answer(cut_key, content, p):
    return words(MAC(cut_key, "cutPlace", content[p - 64 : p]))


def blob_end(cut_key, table, content, s, numbers):
    latest = min(s + numbers.most, len(content))
    p = s + numbers.least
    if p > latest:
        return latest
    value, limit = rolling_hash(table, content, p), 2 ** (32 - numbers.P)
    while True:
        if value < limit:
            first, second, *_ = answer(cut_key, content, p)
            if first < 2**32 // numbers.C:
                return min(p + (second >> 32 - numbers.S), latest)
        if p == latest:
            return latest
        value = (2 * value + table[content[p]]) & 0xFFFFFFFF
        p += 1


def cut(cut_key, content, numbers):
    """The sizes of the blobs."""
    table, sizes, s = cut_table(cut_key), [], 0
    while s < len(content):
        end = blob_end(cut_key, table, content, s, numbers)
        sizes.append(end - s)
        s = end
    return sizes


# §18.3 Blobs ---------------------------------------------------------------------------------------------------------


def blob_id(blob_id_key, kind, blob):
    return MAC(blob_id_key, "blobId", u8(KINDS[kind]), sha256(blob))


def decompress(frame, limit):
    """Of RFC 8878 what a vector needs: a frame of one segment, blocks that are raw or repeat a byte."""
    reader = Bytes(frame)
    want(reader.take(4) == bytes.fromhex("28b52ffd"), "zstd: no frame")
    descriptor = reader.uint(1)
    want(descriptor & 0b00111111 == 0b00100000, "zstd: this decoder wants one segment, no checksum and no dictionary")
    flag = descriptor >> 6
    size = int.from_bytes(reader.take(1 << flag), "little") + (256 if flag == 1 else 0)
    want(size <= limit, "zstd: larger than the limit")
    content, last = b"", False
    while not last:
        header = int.from_bytes(reader.take(3), "little")
        last, kind, length = header & 1, header >> 1 & 3, header >> 3
        want(kind < 2 and length <= limit - len(content), "zstd: this decoder wants raw and repeating blocks")
        content += reader.take(length) if kind == 0 else reader.take(1) * length
    reader.end()
    want(len(content) == size, "zstd: another size than the frame says")
    return content


def open_blob(blob_id_key, row, stored):
    want(len(stored) == row.stored_size, "blob: another stored size")
    blob = stored if row.compression == "stored" else decompress(stored, row.plain_size)
    want(len(blob) == row.plain_size, "blob: another plain size")
    want(blob_id(blob_id_key, row.kind, blob) == row.id, "blob: another id")
    return blob


# §18.4 Packs ---------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    kind: str
    compression: str
    id: bytes
    stored_size: int
    plain_size: int


def name_of(names, value, what):
    found = [name for name, one in names.items() if one == value]
    want(found, f"{what}: unknown id {value}")
    return found[0]


def format_table(rows):
    return b"".join(
        u8(KINDS[row.kind]) + u8(COMPRESSIONS[row.compression]) + row.id + u32(row.stored_size) + u32(row.plain_size)
        for row in rows
    )


def parse_table(data):
    want(len(data) % 42 == 0 and 1 <= len(data) // 42 <= MAX_ROWS, "table: wanted 1 to 65,536 rows")
    rows, total = [], 0
    for o in range(0, len(data), 42):
        reader = Bytes(data[o : o + 42])
        kind = name_of(KINDS, reader.uint(1), "kind")
        compression = name_of(COMPRESSIONS, reader.uint(1), "compression")
        row = Row(kind, compression, reader.take(32), reader.uint(4), reader.uint(4))
        want(1 <= row.plain_size <= MAX_BLOB, f"table: no blob has {row.plain_size} bytes")
        if compression == "stored":
            want(row.stored_size == row.plain_size, "table: a blob stored as it is has another size")
        else:
            want(1 <= row.stored_size < row.plain_size, "table: a compressed blob is not smaller")
        total += row.stored_size
        rows.append(row)
    want(total <= MAX_PACK, "table: wanted at most 33,554,432 bytes of blobs")
    return rows


def padded(size):
    s = max(size, 128)
    e = s.bit_length() - 1
    m = 2 ** (e - (e.bit_length() - 1) - 1)
    return -(-s // m) * m


def pack_id(table):
    return H("packId", table)[:16]


def format_pack(blobs, rows):
    """From the blobs as stored."""
    end = format_table(rows) + u32(len(rows)) + b"cairnpk1"
    size = len(blobs) + len(end)
    return blobs + bytes(padded(size) - size) + end


def parse_pack(data):
    """The table, and where the blobs start."""
    want(len(data) >= 12 and data[-8:] == b"cairnpk1", "pack: does not end as one")
    count = int.from_bytes(data[-12:-8], "big")
    want(1 <= count <= MAX_ROWS and 42 * count <= len(data) - 12, f"pack: no room for {count} rows")
    table = data[-12 - 42 * count : -12]
    rows = parse_table(table)
    starts = [sum(row.stored_size for row in rows[:i]) for i in range(count + 1)]
    want(padded(starts[-1] + len(table) + 12) == len(data), "pack: another size than its table asks for")
    return table, starts[:-1]


# §18.5 Index files, §18.9 freed packs --------------------------------------------------------------------------------


def format_tables(head, packs):
    """Packs are pairs of what stands in front of a table, and the table."""
    ordered = sorted({pack_id(table): (front, table) for front, table in packs}.items())
    body = head + u32(len(ordered))
    for _, (front, table) in ordered:
        body += front + u32(len(table) // 42) + table
    return body + bytes(padded(len(body)) - len(body))


def parse_tables(reader, front_size):
    count = reader.uint(4)
    want(1 <= count <= MAX_PACKS, f"wanted 1 to 16,384 packs, found {count}")
    packs, last, total = [], b"", 0
    for _ in range(count):
        front, rows = reader.take(front_size), reader.uint(4)
        want(1 <= rows <= MAX_ROWS, f"wanted 1 to 65,536 rows, found {rows}")
        total += rows
        want(total <= MAX_INDEX_ROWS, "wanted at most 262,144 rows")
        table = reader.take(42 * rows)
        parse_table(table)
        want(pack_id(table) > last, "wanted packs in the order of their ids")
        last = pack_id(table)
        packs.append((front, table))
    want(len(reader.data) == padded(reader.at), "wanted another size")
    return packs


def format_index(tables):
    return format_tables(b"cairnix1", [(b"", table) for table in tables])


def parse_index(data):
    reader = Bytes(data)
    want(reader.take(8) == b"cairnix1", "index: does not begin as one")
    return [table for _, table in parse_tables(reader, 0)]


def format_freed(time, packs):
    return format_tables(b"cairnfr1" + u64(time), [(pack(file), table) for file, table in packs])


def parse_freed(data):
    reader = Bytes(data)
    want(reader.take(8) == b"cairnfr1", "freed: does not begin as one")
    time = reader.u64()
    return time, [(unpack(front, File), table) for front, table in parse_tables(reader, 65)]


def file_id(tag, data):
    return base32_encode(H(tag, data)[:16])


# §18.6 Contents ------------------------------------------------------------------------------------------------------

MAX_DEPTH, MAX_IDS, MAX_ITEMS = 4, 32, 16384


class Content(NamedTuple):
    size: int
    depth: int
    ids: tuple

    def to_bytes(self):
        return u64(self.size) + u8(self.depth) + u8(len(self.ids)) + b"".join(self.ids)


def read_content(reader):
    size, depth, count = reader.u64(), reader.uint(1), reader.uint(1)
    want(depth <= MAX_DEPTH, f"content: wanted at most depth 4, found {depth}")
    want(count <= MAX_IDS, f"content: wanted at most 32 ids, found {count}")
    if depth > 0:
        want(count == 1 and size >= 1, "content: wanted one list, of something")
    else:
        want(count <= size <= count * MAX_BLOB, f"content: {count} blobs do not have {size} bytes")
    return Content(size, depth, tuple(reader.take(32) for _ in range(count)))


def parse_content(data):
    reader = Bytes(data)
    content = read_content(reader)
    reader.end()
    return content


def format_list(level, items):
    return u8(level) + b"".join(u64(size) + id for size, id in items)


def parse_list(data, level, size):
    want(len(data) >= 1 and data[0] == level, f"list: wanted level {level}")
    want((len(data) - 1) % 40 == 0 and 1 <= len(data) // 40 <= MAX_ITEMS, "list: wanted 1 to 16,384 items")
    items = [(number(data[o : o + 8]), data[o + 8 : o + 40]) for o in range(1, len(data), 40)]
    want(all(one >= 1 and (level > 1 or one <= MAX_BLOB) for one, _ in items), "list: an item of a wrong size")
    want(sum(one for one, _ in items) == size, "list: wanted another sum")
    return items


def list_ends(items):
    return len(items) == MAX_ITEMS or len(items) >= 1024 and int.from_bytes(items[-1][1][-2:], "big") % 4096 == 0


def build_content(blob_id_key, blobs):
    """From pairs of size and id; also the lists that it takes, with their levels, by level."""
    size = sum(one for one, _ in blobs)
    if len(blobs) <= MAX_IDS:
        return Content(size, 0, tuple(id for _, id in blobs)), []
    lists, items, level = [], blobs, 0
    while level == 0 or len(items) > 1:
        level += 1
        above, waiting = [], []
        for place, item in enumerate(items):
            waiting.append(item)
            if list_ends(waiting) or place == len(items) - 1:
                data = format_list(level, waiting)
                above.append((sum(one for one, _ in waiting), blob_id(blob_id_key, "list", data)))
                lists.append((level, data))
                waiting = []
        items = above
    return Content(size, level, (items[0][1],)), lists


# §18.7 Trees ---------------------------------------------------------------------------------------------------------

ENTRY_KINDS = ("file", "folder", "symlink", "fifo", "socket", "block-device", "character-device")
MAX_RECORD = 1048576


class TreeEntry(NamedTuple):
    name: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    user: str  # empty if it is not known
    group: str
    mtime: int  # nanoseconds
    ctime: int
    inode: int
    device: int
    links: int
    content: Content = None
    sparse: bool = None
    target: bytes = None
    number: int = None
    attributes: tuple = ()  # pairs of name and value


def sized(size, data):
    return len(data).to_bytes(size, "big") + data


def format_time(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    return seconds.to_bytes(8, "big", signed=True) + u32(rest)


def format_entry(entry):
    record = u8(ENTRY_KINDS.index(entry.kind)) + entry.mode.to_bytes(2, "big") + u32(entry.uid) + u32(entry.gid)
    record += format_time(entry.mtime) + format_time(entry.ctime)
    record += entry.inode.to_bytes(8, "big") + entry.device.to_bytes(8, "big") + u32(entry.links)
    record += sized(2, entry.name) + sized(1, entry.user.encode()) + sized(1, entry.group.encode())
    if entry.kind == "file":
        record += u8(1 if entry.sparse else 0)
    if entry.content is not None:
        record += entry.content.to_bytes()
    if entry.target is not None:
        record += sized(2, entry.target)
    if entry.number is not None:
        record += entry.number.to_bytes(8, "big")
    record += len(entry.attributes).to_bytes(2, "big")
    for name, value in entry.attributes:
        record += len(name).to_bytes(2, "big") + u32(len(value)) + name + value
    return u32(len(record)) + record


def read_time(reader):
    seconds, nanoseconds = int.from_bytes(reader.take(8), "big", signed=True), reader.uint(4)
    want(nanoseconds < 10**9, "entry: wanted nanoseconds below a second")
    return seconds * 10**9 + nanoseconds


def read_owner(reader):
    try:
        return reader.take(reader.uint(1)).decode()
    except UnicodeDecodeError:
        raise Refused("entry: wanted the name of an owner in UTF-8") from None


def read_attributes(reader):
    count, found = reader.uint(2), []
    want(count <= 1024, "entry: wanted at most 1,024 attributes")
    for _ in range(count):
        name_size, value_size = reader.uint(2), reader.uint(4)
        want(1 <= name_size <= 1024 and value_size <= 262144, "entry: an attribute is too large")
        found.append((reader.take(name_size), reader.take(value_size)))
    names = [name for name, _ in found]
    want(all(a < b for a, b in zip(names, names[1:])), "entry: wanted attributes by name, each once")
    return tuple(found)


def parse_entry(record):
    """From all after the size."""
    reader = Bytes(record)
    kind = reader.uint(1)
    want(kind < len(ENTRY_KINDS), f"entry: unknown kind {kind}")
    kind, mode, uid, gid = ENTRY_KINDS[kind], reader.uint(2), reader.uint(4), reader.uint(4)
    want(mode < 1 << 12, "entry: wanted a mode of 12 bits")
    mtime, ctime = read_time(reader), read_time(reader)
    inode, device, links = reader.uint(8), reader.uint(8), reader.uint(4)
    want(links > 0, "entry: wanted a link")
    name = reader.take(reader.uint(2))
    want(1 <= len(name) <= 4096 and b"/" not in name and b"\0" not in name, "entry: no name")
    want(name not in (b".", b".."), "entry: wanted neither . nor ..")
    user, group = read_owner(reader), read_owner(reader)
    content = sparse = target = device_number = None
    if kind == "file":
        sparse = reader.uint(1)
        want(sparse < 2, "entry: a file is sparse or not")
        sparse = sparse == 1
    if kind in ("file", "folder"):
        content = read_content(reader)
    elif kind == "symlink":
        target = reader.take(reader.uint(2))
        want(target and b"\0" not in target, "entry: no target")
    elif kind in ("block-device", "character-device"):
        device_number = reader.uint(8)
    attributes = read_attributes(reader)
    reader.end()
    numbers = (mtime, ctime, inode, device, links)
    return TreeEntry(name, kind, mode, uid, gid, user, group, *numbers, content, sparse, target, device_number, attributes)


def format_tree(entries):
    return b"".join(map(format_entry, entries))


def parse_tree(data):
    reader, entries = Bytes(data), []
    while reader.at < len(data):
        size = reader.uint(4)
        want(size + 4 <= MAX_RECORD, "tree: wanted a record of at most 1,048,576 bytes")
        entries.append(parse_entry(reader.take(size)))
    names = [entry.name for entry in entries]
    want(all(a < b for a, b in zip(names, names[1:])), "tree: wanted names in order, each once")
    return entries


# §18.8 Snapshots -----------------------------------------------------------------------------------------------------

TOTALS = ("files", "folders", "bytes", "new", "changed", "unmodified", "unreadable", "added", "stored", "milliseconds")


class Snapshot(NamedTuple):
    time: int
    host: str
    paths: tuple
    tags: tuple
    root: Content
    parent: str  # or None
    totals: dict


def format_snapshot(snapshot):
    fields = {"version": 1} | snapshot._asdict() | {"root": snapshot.root.to_bytes()}
    return cbor_encode({name: value for name, value in fields.items() if value is not None})


def check_text(text, most, what):
    want(type(text) is str and 1 <= utf16_units(text) <= most, f"snapshot: {what} is text of 1 to {most} units")


def parse_snapshot(data):
    want(len(data) <= 1048576, "snapshot: wanted at most 1,048,576 bytes")
    names = {"version": int, "time": int, "host": str, "paths": list, "tags": list, "root": bytes}
    version, time, host, paths, tags, root, parent, totals = take_fields(
        cbor_decode(data), **names, parent=[str], totals=dict
    )
    want(version == 1, f"snapshot: wanted version 1, found {version}")
    check_text(host, 255, "a host")
    want(len(paths) <= 4096 and len(tags) <= 64, "snapshot: too many paths or tags")
    for path in paths:
        check_text(path, 4096, "a path")
    for tag in tags:
        check_text(tag, 255, "a tag")
    if parent is not None:
        want(len(parent) == 26 and len(base32_decode(parent)) == 16, "snapshot: the parent is no id")
    take_fields(totals, **dict.fromkeys(TOTALS, int))
    return Snapshot(time, host, tuple(paths), tuple(tags), parse_content(root), parent, totals)


# §19 Drop-boxes ------------------------------------------------------------------------------------------------------


class Drop(NamedTuple):
    """The capability."""

    seed: bytes
    owner_key: bytes


class DropContent(NamedTuple):
    packs: tuple
    index: File = None
    snapshot: File = None


def format_drop_capability(capability):
    payload = u8(1) + b"".join(capability)
    return f"cairn:drop:{base32_encode(payload + capability_checksum('drop', payload))}"


def parse_drop_capability(text):
    want(len(text) <= 160, "drop: wanted at most 160 characters")
    parts = text.split(":")
    want(len(parts) == 3 and parts[0] == "cairn", "drop: no capability")
    want(parts[1] == "drop", "drop: another kind")
    data = base32_decode(parts[2])
    want(len(data) >= 5, "drop: wanted at least 5 bytes")
    payload, checksum = data[:-4], data[-4:]
    want(capability_checksum("drop", payload) == checksum, "drop: the checksum does not fit")
    want(payload[0] == 1, f"drop: wanted version 1, found {payload[0]}")
    want(len(payload) == 65, "drop: wanted a body of 64 bytes")
    return Drop(payload[1:33], payload[33:])


def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def drop_box_key(private, public):
    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise Refused("drop: a key that gives zeros") from None
    return derive(shared, "dropBoxKey")


def seal_drop(content, owner_key, slot_key, once_private):
    fields = {"packs": [pack(one) for one in content.packs], "index": content.index, "snapshot": content.snapshot}
    fields = {name: pack(value) if isinstance(value, File) else value for name, value in fields.items() if value is not None}
    head = u8(1) + x25519_public(once_private)
    return head + box(drop_box_key(once_private, owner_key), head + owner_key + slot_key, cbor_encode(fields))


def open_drop(value, slot_key, owner_private):
    want(len(value) <= 16384, "drop: wanted at most 16,384 bytes")
    want(len(value) >= 33 and value[0] == 1, "drop: wanted version 1")
    head, key = value[:33], drop_box_key(owner_private, value[1:33])
    data = open_box(key, head + x25519_public(owner_private) + slot_key, value[33:])
    packs, index, snapshot = take_fields(cbor_decode(data), packs=list, index=[bytes], snapshot=[bytes])
    want(len(packs) <= 128 and all(type(one) is bytes for one in packs), "drop: wanted at most 128 packs")
    want((index is not None) == (len(packs) > 0), "drop: wanted an index with packs, and none without")
    want(packs or snapshot is not None, "drop: nothing in it")
    index, snapshot = (None if one is None else unpack(one, File) for one in (index, snapshot))
    return DropContent(tuple(unpack(one, File) for one in packs), index, snapshot)


# §13 Vectors ---------------------------------------------------------------------------------------------------------


def stream(seed, size):
    return b"".join(sha256(u32(seed) + u32(i)) for i in range(-(-size // 32)))[:size]
