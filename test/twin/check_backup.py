"""Checks of the vectors and properties of backups and drop-boxes; check_vectors.py runs them."""

import re

import cairn_backup as backup
import cairn_format as cairn
from checking import check, refused, unhex


def content_named(text):
    if found := re.fullmatch(r"zeros\((\d+)\)", text):
        return bytes(int(found[1]))
    found = re.fullmatch(r"stream\((\d+), (\d+)\)", text)
    return backup.stream(int(found[1]), int(found[2]))


def refuses(function):
    """A checker of vectors that are bytes, each of them refused by the function."""

    def checker(vectors):
        for one in vectors:
            refused(one["fault"], function, unhex(one["bytes"]))

    return checker


# The vector files ----------------------------------------------------------------------------------------------------


def backup_keys(vectors):
    for one in vectors:
        content_key = unhex(one["contentKey"])
        check(cairn.derive(content_key, "cutKey").hex(), one["cutKey"], "cutKey")
        check(cairn.derive(content_key, "blobIdKey").hex(), one["blobIdKey"], "blobIdKey")


def backup_cut(vectors):
    for one in vectors:
        numbers = backup.Numbers(*(one[name] for name in backup.Numbers._fields))
        found = backup.cut(unhex(one["cutKey"]), content_named(one["content"]), numbers)
        check(found, one["sizes"], one["content"])


def backup_blob(vectors):
    for one in vectors:
        key, kind, plain, stored = unhex(one["blobIdKey"]), one["kind"], unhex(one["plain"]), unhex(one["stored"])
        check(backup.blob_id(key, kind, plain).hex(), one["id"], "id")
        row = backup.Row(kind, one["compression"], unhex(one["id"]), len(stored), len(plain))
        check(backup.open_blob(key, row, stored), plain, "open")
        refused("a byte less", backup.open_blob, key, row, stored[:-1])
        refused("another id", backup.open_blob, key, row._replace(id=bytes(32)), stored)
        refused("a smaller size", backup.open_blob, key, row._replace(plain_size=len(plain) - 1), stored)


def backup_padding(vectors):
    for one in vectors:
        check(backup.padded(one["size"]), one["padded"], f"padded({one['size']})")


def row_of(fields):
    sizes = (fields["storedSize"], fields["plainSize"])
    return backup.Row(fields["kind"], fields["compression"], unhex(fields["id"]), *sizes)


def backup_pack(vectors):
    for one in vectors:
        rows, table = [row_of(fields) for fields in one["rows"]], unhex(one["table"])
        check(backup.format_table(rows), table, "table")
        check(backup.parse_table(table), rows, "parse the table")
        check(backup.pack_id(table).hex(), one["packId"], "packId")
        blobs = bytes(sum(row.stored_size for row in rows))
        whole = backup.format_pack(blobs, rows)
        check(len(whole), one["packSize"], "packSize")
        check(whole[len(blobs) :], bytes(one["padding"]) + table + unhex(one["footer"]), "padding, table and footer")
        check(backup.parse_pack(whole)[0], table, "parse the pack")


def backup_index(vectors):
    for one in vectors:
        tables, data = list(map(unhex, one["tables"])), unhex(one["index"])
        check(backup.format_index(tables), data, "index")
        check(sorted(backup.parse_index(data)), sorted(tables), "parse")
        check(backup.file_id("indexId", data), one["indexId"], "indexId")


def backup_freed(vectors):
    for one in vectors:
        packs = [(cairn.unpack(unhex(fields["file"])), unhex(fields["table"])) for fields in one["packs"]]
        data = unhex(one["freed"])
        check(backup.format_freed(one["time"], packs), data, "freed")
        time, found = backup.parse_freed(data)
        check((time, sorted(found)), (one["time"], sorted(packs)), "parse")
        check(backup.file_id("freedId", data), one["freedId"], "freedId")


def backup_content(vectors):
    for one in vectors:
        content = backup.Content(one["size"], one["depth"], tuple(map(unhex, one["ids"])))
        check(content.to_bytes().hex(), one["content"], "content")
        check(backup.parse_content(unhex(one["content"])), content, "parse")
        if "blobCount" in one:
            check_built(one, content)


def check_built(one, content):
    count = one["blobCount"]
    text = f"blob i has the id SHA-256(u32(660) ‖ u32(i)) and 1 + (i mod 1000) bytes, i < {count}"
    check(one["blobs"], text, "blobs")
    blobs = [(1 + i % 1000, cairn.sha256(cairn.u32(660) + cairn.u32(i))) for i in range(count)]
    key = unhex(one["blobIdKey"])
    found, lists = backup.build_content(key, blobs)
    check(found, content, f"of {count} blobs")
    sizes = {fields["id"]: (fields["level"], fields["items"]) for fields in one["lists"]}
    check({backup.blob_id(key, "list", data).hex(): (level, len(data) // 40) for level, data in lists}, sizes, "lists")
    # Down again, from the top.
    by_id = {backup.blob_id(key, "list", data): data for _, data in lists}
    items = [(content.size, id) for id in content.ids]
    for level in range(content.depth, 0, -1):
        items = [item for size, id in items for item in backup.parse_list(by_id[id], level, size)]
    check([id for _, id in items], [id for _, id in blobs], "the blobs again")


def entry_of(fields):
    numbers = (int(fields[name]) for name in ("mtime", "ctime", "inode", "device"))
    return backup.TreeEntry(
        unhex(fields["name"]),
        *(fields[name] for name in ("kind", "mode", "uid", "gid", "user", "group")),
        *numbers,
        fields["links"],
        backup.parse_content(unhex(fields["content"])) if "content" in fields else None,
        fields["sparse"] if "sparse" in fields else None,
        unhex(fields["target"]) if "target" in fields else None,
        int(fields["number"]) if "number" in fields else None,
        tuple((unhex(one["name"]), unhex(one["value"])) for one in fields["attributes"]),
    )


def backup_tree(vectors):
    for one in vectors:
        entries, data = list(map(entry_of, one["entries"])), unhex(one["tree"])
        check(backup.format_tree(entries), data, "tree")
        check(backup.parse_tree(data), entries, "parse")


def backup_snapshot(vectors):
    for one in vectors:
        totals = {name: one["totals"][name] for name in backup.TOTALS}
        root = backup.parse_content(unhex(one["root"]))
        texts = (one["host"], tuple(one["paths"]), tuple(one["tags"]))
        parent = one["parent"] if "parent" in one else None
        snapshot, data = backup.Snapshot(one["time"], *texts, root, parent, totals), unhex(one["snapshot"])
        check(backup.format_snapshot(snapshot), data, "snapshot")
        check(backup.parse_snapshot(data), snapshot, "parse")
        check(backup.file_id("snapshotId", data), one["snapshotId"], "snapshotId")


def backup_repository(vectors):
    for one in vectors:
        drop_key = unhex(one["dropKey"]) if "dropKey" in one else None
        repository = backup.Repository(one["created"], unhex(one["contentKey"]), drop_key)
        check(repository.to_bytes().hex(), one["repository"], "repository")
        check(backup.parse_repository(unhex(one["repository"])), repository, "parse")


def backup_list_refused(vectors):
    for one in vectors:
        refused(one["fault"], backup.parse_list, unhex(one["bytes"]), one["level"], one["size"])


def drop_capability(vectors):
    for one in vectors:
        given = backup.Drop(unhex(one["seed"]), unhex(one["ownerKey"]))
        check(backup.format_drop_capability(given), one["text"], "text")
        check(backup.parse_drop_capability(one["text"]), given, "parse")
        refused("as another kind", cairn.parse_capability, one["text"])
        check(cairn.derive(given.seed, "dropContentKey").hex(), one["contentKey"], "contentKey")
        check(cairn.derive(given.seed, "dropNext").hex(), one["next"], "next")


def drop_capability_refused(vectors):
    for one in vectors:
        refused(one["fault"], backup.parse_drop_capability, one["text"])


def drop(vectors):
    for one in vectors:
        packs = tuple(cairn.unpack(unhex(file)) for file in one["packs"])
        index, snapshot = (cairn.unpack(unhex(one[name])) if name in one else None for name in ("index", "snapshot"))
        content = backup.DropContent(packs, index, snapshot)
        owner, once, slot_key = unhex(one["ownerPrivateKey"]), unhex(one["oncePrivateKey"]), unhex(one["slotKey"])
        owner_key = backup.x25519_public(owner)
        check(owner_key.hex(), one["ownerKey"], "ownerKey")
        check(backup.seal_drop(content, owner_key, slot_key, once).hex(), one["value"], "value")
        check(backup.open_drop(unhex(one["value"]), slot_key, owner), content, "open")


def drop_refused(vectors):
    for one in vectors:
        owner, slot_key = unhex(one["ownerPrivateKey"]), unhex(one["slotKey"])
        refused(one["fault"], backup.open_drop, unhex(one["bytes"]), slot_key, owner)


CHECKERS = {
    **{
        checker.__name__: checker
        for checker in (backup_keys, backup_cut, backup_blob, backup_padding, backup_pack, backup_index, backup_freed,
                        backup_content, backup_tree, backup_snapshot, backup_repository, backup_list_refused,
                        drop_capability, drop_capability_refused, drop, drop_refused)
    },
    "backup_pack_refused": refuses(backup.parse_pack),
    "backup_index_refused": refuses(backup.parse_index),
    "backup_freed_refused": refuses(backup.parse_freed),
    "backup_content_refused": refuses(backup.parse_content),
    "backup_tree_refused": refuses(backup.parse_tree),
    "backup_snapshot_refused": refuses(backup.parse_snapshot),
    "backup_repository_refused": refuses(backup.parse_repository),
}


# Properties ----------------------------------------------------------------------------------------------------------


def property_worked_cut(rng):
    """The numbers in the text of §18.2."""
    cut_key = cairn.derive(cairn.pattern(600, 32), "cutKey")
    check(cut_key[:4].hex(), "873eaf17", "cutKey")
    table, content = backup.cut_table(cut_key), backup.stream(613, 3000)
    check(f"{table[0]:08x}", "b09a82a9", "T[0]")
    check(content[:4].hex(), "692ba33f", "content")
    check(f"{backup.rolling_hash(table, content, 64):08x}", "fd3a9cfa", "hash(64)")
    hashes = {p: backup.rolling_hash(table, content, p) for p in range(64, 125)}
    proposed = [p for p in range(64, 121) if hashes[p] < 1 << 29]
    check(proposed, [66, 70, 71, 82, 101, 104, 105, 117, 120], "proposed places")
    for p, value, first, second in ((66, "1a62fcda", "5b6d05f7", "6a6b4101"), (70, "03773577", "b18b88a9", "7d6e72f1"),
                                    (120, "185feda2", "1d9f8e3f", "465487b2")):
        words = [f"{word:08x}" for word in backup.answer(cut_key, content, p)[:2]]
        check([f"{hashes[p]:08x}", *words], [value, first, second], f"place {p}")
    sizes = backup.cut(cut_key, content, backup.Numbers(64, 400, 3, 3, 4))
    check(sizes[:6], [124, 78, 80, 82, 79, 73], "sizes")


def property_flips(rng):
    """Every other byte of a drop is refused; of tables and trees it is refused, or reads as something else."""
    owner, slot_key, file = rng.randbytes(32), rng.randbytes(32), cairn.File(rng.randbytes(32), rng.randbytes(32))
    given = backup.DropContent((file,), file, None)
    value = backup.seal_drop(given, backup.x25519_public(owner), slot_key, rng.randbytes(32))
    for at in range(0, len(value), 3):
        other = value[:at] + bytes([value[at] ^ rng.randrange(1, 256)]) + value[at + 1 :]
        refused(f"drop with another byte {at}", backup.open_drop, other, slot_key, owner)
    rows = [backup.Row("data", "stored", rng.randbytes(32), 9, 9), backup.Row("list", "zstd", rng.randbytes(32), 5, 9)]
    data = backup.format_index([backup.format_table(rows)])
    for at in range(len(data)):
        other = data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]
        try:
            check(backup.parse_index(other) == backup.parse_index(data), at >= 12 + 4 + 84, f"index byte {at}")
        except cairn.Refused:
            check(at < 12 + 4 + 84, True, f"index byte {at}")


PROPERTIES = {function.__name__: function for function in (property_worked_cut, property_flips)}
