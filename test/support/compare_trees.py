#!/usr/bin/env python3
"""Are two trees the same, content and metadata? Shares no code with whatever made either of them.

usage: compare_trees.py [--json] [--ignore KIND,...] LEFT RIGHT

Every difference is a line `KIND PATH: LEFT | RIGHT`. The kinds:

    missing   in the left tree only                 extra    in the right tree only
    type      file, folder, link, device, ...       mode     permission bits, setuid, setgid, sticky
    owner     uid and gid, as numbers               mtime    modification time, to the nanosecond
    size      of a file                             content  of a file, byte by byte
    target    of a symbolic link, as bytes          device   major and minor number
    links     which names are one file              xattr    extended attributes, access control lists among them
    sparse    holes on the left that take space on the right: roughly, disks round

Names are bytes. Not compared: ctime and atime, which nobody can set or keep; the sizes and order of folders; inodes.
Exit code 0: equal; 1: differences; 2: could not be compared. The last line counts what was looked at.
"""

import argparse
import itertools
import json
import os
import stat
import sys

KINDS = "missing extra type mode owner mtime size content target device links xattr sparse".split()
TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
RUN_BYTES = 1 << 20
# What a disk may add to a file with holes before it counts: its blocks are larger than ours, or it keeps lists of them.
SPARSE_SLACK_BYTES = 128 * 1024


def shown(path):
    """Bytes that are no text stand as \\xNN, so that every name has one line and one spelling."""
    return path.decode("utf-8", "backslashreplace").replace("\n", "\\n")


class Side:
    """One tree: what stands where, by path below its root, as bytes; the root itself is b'.'."""

    def __init__(self, root):
        self.root = os.fsencode(root)
        self.entries = {}
        self.groups = {}
        self.add(b".", os.lstat(self.root))
        if stat.S_ISDIR(self.entries[b"."].st_mode):
            self.walk()

    def walk(self):
        folders = [b""]
        while folders:
            below = folders.pop()
            with os.scandir(os.path.join(self.root, below)) as entries:
                for entry in entries:
                    path = os.path.join(below, entry.name)
                    found = entry.stat(follow_symlinks=False)
                    self.add(path, found)
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(path)

    def add(self, path, found):
        self.entries[path] = found
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            self.groups.setdefault((found.st_dev, found.st_ino), []).append(path)

    def names_of(self, path):
        """All names in this tree of the file that has this one."""
        found = self.entries[path]
        return sorted(self.groups.get((found.st_dev, found.st_ino), [path]))

    def place(self, path):
        return self.root if path == b"." else os.path.join(self.root, path)


def attributes_of(place):
    try:
        names = os.listxattr(place, follow_symlinks=False)
    except OSError:  # a disk without them
        return {}
    return {name: os.getxattr(place, name, follow_symlinks=False).hex() for name in names}


def first_difference(left, right):
    """The offset from which on two files of one size differ, or None."""
    with open(left, "rb", buffering=0) as one, open(right, "rb", buffering=0) as other:
        offset = 0
        while True:
            here, there = one.read(RUN_BYTES), other.read(RUN_BYTES)
            if here != there:
                place = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
                return offset + place
            if not here:
                return None
            offset += len(here)


def pairs_of(path, left, right):
    """(kind, what is on the left, what is on the right), equal or not, of an entry that both have."""
    here, there = left.entries[path], right.entries[path]
    kind = stat.S_IFMT(here.st_mode)
    yield "type", TYPES[kind], TYPES[stat.S_IFMT(there.st_mode)]
    if kind != stat.S_IFMT(there.st_mode):
        return
    if kind != stat.S_IFLNK:  # those of a link mean nothing, and on Linux are always 777
        yield "mode", oct(stat.S_IMODE(here.st_mode)), oct(stat.S_IMODE(there.st_mode))
    yield "owner", f"{here.st_uid}:{here.st_gid}", f"{there.st_uid}:{there.st_gid}"
    yield "mtime", here.st_mtime_ns, there.st_mtime_ns
    yield "xattr", attributes_of(left.place(path)), attributes_of(right.place(path))
    if kind != stat.S_IFDIR:
        yield "links", [shown(name) for name in left.names_of(path)], [shown(name) for name in right.names_of(path)]
    if kind == stat.S_IFLNK:
        yield "target", shown(os.readlink(left.place(path))), shown(os.readlink(right.place(path)))
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        yield "device", *(f"{os.major(side.st_rdev)}:{os.minor(side.st_rdev)}" for side in (here, there))
    if kind == stat.S_IFREG:
        yield from pairs_of_file(path, left, right)


def pairs_of_file(path, left, right):
    here, there = left.entries[path], right.entries[path]
    yield "size", here.st_size, there.st_size
    if here.st_size == there.st_size:
        offset = first_difference(left.place(path), right.place(path))
        yield "content", "the same", "the same" if offset is None else f"differs from byte {offset} on"
    taken, taken_there = here.st_blocks * 512, there.st_blocks * 512
    has_holes = taken + SPARSE_SLACK_BYTES <= here.st_size
    if has_holes and taken_there > taken + taken // 10 + SPARSE_SLACK_BYTES:
        yield "sparse", f"{taken} bytes on disk", f"{taken_there} bytes on disk"


def differences_of(left, right, ignored):
    for path in sorted(left.entries.keys() | right.entries.keys()):
        if path not in right.entries:
            found = [("missing", TYPES[stat.S_IFMT(left.entries[path].st_mode)], None)]
        elif path not in left.entries:
            found = [("extra", None, TYPES[stat.S_IFMT(right.entries[path].st_mode)])]
        else:
            found = pairs_of(path, left, right)
        for kind, here, there in found:
            if here != there and kind not in ignored:
                yield {"kind": kind, "path": shown(path), "left": here, "right": there}


def counts_of(side):
    counts = {}
    for found in side.entries.values():
        name = TYPES[stat.S_IFMT(found.st_mode)]
        counts[name] = counts.get(name, 0) + 1
    files = (found for found in side.entries.values() if stat.S_ISREG(found.st_mode))
    return {"entries": len(side.entries), "bytes": sum(found.st_size for found in files), "types": counts}


def plural(count, word):
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("--json", action="store_true", help="one object instead of lines")
    parser.add_argument("--ignore", default="", help="kinds that do not count, with commas between")
    args = parser.parse_args()
    ignored = set(filter(None, args.ignore.split(",")))
    if not ignored <= set(KINDS):
        parser.error(f"--ignore: some of {', '.join(KINDS)} wanted, found {', '.join(sorted(ignored - set(KINDS)))}")
    try:
        left, right = Side(args.left), Side(args.right)
        found = differences_of(left, right, ignored)
        if args.json:
            found = list(found)
            print(json.dumps({"left": counts_of(left), "right": counts_of(right), "differences": found}))
            return 1 if found else 0
        count = print_all(found)
    except OSError as error:
        print(f"compare_trees: {error}", file=sys.stderr)
        return 2
    counts = counts_of(left)
    types = ", ".join(plural(many, name) for name, many in sorted(counts["types"].items()))
    print(f"{counts['entries']} entries compared ({types}), {counts['bytes']} bytes: {plural(count, 'difference')}")
    return 1 if count else 0


def print_all(found):
    numbers = itertools.count(1)
    count = 0
    for count, difference in zip(numbers, found):
        print(f"{difference['kind']} {difference['path']}: {difference['left']} | {difference['right']}")
    return count


if __name__ == "__main__":
    sys.exit(main())
