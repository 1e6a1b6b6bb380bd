#!/usr/bin/env python3
"""Makes a tree of everything odd that a disk can hold, for a backup to bring back.

usage: odd_tree.py ROOT

In Python, because Node sets neither extended attributes nor times to the nanosecond, and has no names of bytes in every
call. What only root may make (devices, other owners) is left out for others. Prints, as JSON, how many of each it made.
"""

import collections
import json
import os
import socket
import stat
import sys

MADE = collections.Counter()
IS_ROOT = os.geteuid() == 0
# Below what one path may have for a call (4096), and above what most programs think of.
LONG_PATH_BYTES = 3800
HOLE_BYTES = 8 << 20
STAMPS_NS = {
    b"before 1970": -86_400_000_000_001,
    b"at 1970": 0,
    b"a nanosecond": 1_700_000_000_000_000_001,
    b"all digits": 1_712_345_678_987_654_321,
    b"after 2038": 4_102_444_800_123_456_789,
}


def made(kind):
    MADE[kind] += 1


def write(path, content=b"odd\n", mode=0o644):
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)
    return path


def fresh(root, name):
    folder = os.path.join(root, name)
    os.mkdir(folder)
    return folder


def names(root):
    folder = fresh(root, b"names")
    odd = [b"\xff\xfe\x80 no UTF-8", b"caf\xe9", b"e\xcc\x81 decomposed", b"\xc3\xa9 composed", b"new\nline"]
    odd += [b"tab\t", b" space before", b"space after ", b"-rf", b"back\\slash", b'"quotes"', b"'", b"*?[x]"]
    odd += [b"$(HOME)", b"...", b"~", b"\x01\x02\x7f", b"n" * 255, "写真".encode() * 42, b"CON", b"a:b"]
    odd += [b"\xed\xa0\x80 surrogate", b"#", b"%41"]
    for name in odd:
        write(os.path.join(folder, name), name)
        made("odd names")
    os.mkdir(os.path.join(folder, b"\xff folder"))
    write(os.path.join(folder, b"\xff folder", b"\xfe file"))
    os.symlink(b"\xff\xfe\x80 no UTF-8", os.path.join(folder, b"link to no UTF-8"))


def modes(root):
    folder = fresh(root, b"modes")
    for mode in (0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1644, 0o6711):
        write(os.path.join(folder, b"%04o" % mode), mode=mode)
        made("modes")
    for mode in (0o1777, 0o2775, 0o700, 0o555):
        os.chmod(fresh(folder, b"folder %04o" % mode), mode)
        made("modes")
    write(os.path.join(fresh(folder, b"inside of read-only"), b"file"))
    os.chmod(os.path.join(folder, b"inside of read-only"), 0o555)


def links(root):
    folder = fresh(root, b"links")
    first = write(os.path.join(folder, b"one"), b"one file, three names\n")
    os.mkdir(os.path.join(folder, b"deep"))
    for name in (b"two", b"deep/three"):
        os.link(first, os.path.join(folder, name))
        made("hard links")
    targets = [b"one", b"nowhere", b"../names", b"/", b"self", b"x" * 4000, b"a/../b//c/.", b" "]
    for number, target in enumerate(targets):
        os.symlink(target, os.path.join(folder, b"self" if target == b"self" else b"to %d" % number))
        made("symbolic links")
    os.link(os.path.join(folder, b"to 1"), os.path.join(folder, b"hard link to a link"), follow_symlinks=False)
    made("hard links")


def times(root):
    folder = fresh(root, b"times")
    for name, stamp in STAMPS_NS.items():
        os.utime(write(os.path.join(folder, name)), ns=(stamp, stamp))
        link = os.path.join(folder, name + b" link")
        os.symlink(name, link)
        os.utime(link, ns=(stamp, stamp), follow_symlinks=False)
        inner = fresh(folder, name + b" folder")
        write(os.path.join(inner, b"file"))
        os.utime(inner, ns=(stamp, stamp))
        made("times")


def sparse(root):
    folder = fresh(root, b"sparse")
    with open(os.path.join(folder, b"all hole"), "wb") as file:
        file.truncate(HOLE_BYTES)
    with open(os.path.join(folder, b"hole in the middle"), "wb") as file:
        file.write(b"begin" * 1000)
        file.seek(HOLE_BYTES)
        file.write(b"end" * 1000)
    with open(os.path.join(folder, b"hole at the end"), "wb") as file:
        file.write(b"begin" * 1000)
        file.truncate(HOLE_BYTES)
    MADE["sparse files"] += 3


def attributes(root):
    folder = fresh(root, b"attributes")
    path = write(os.path.join(folder, b"file"))
    values = {b"user.text": b"value", b"user.empty": b"", b"user.bytes": bytes(range(256)), b"user.long": b"x" * 2000}
    values[b"user.\xc3\xa9"] = b"name beyond ASCII"
    try:
        for name, value in values.items():
            os.setxattr(path, name, value)
            made("extended attributes")
        os.setxattr(fresh(folder, b"folder"), b"user.folder", b"too")
        made("extended attributes")
        if IS_ROOT:
            os.setxattr(path, b"trusted.root", b"only root sees it")
            # A capability set of the kernel's format, version 2: cap_net_bind_service, permitted and effective.
            os.setxattr(path, b"security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
            # Access control list: version 2, user::rw-, user:1234:r--, group::r--, mask::r--, other::r--.
            acl = "02000000 01000600ffffffff 02000400d2040000 04000400ffffffff 10000400ffffffff 20000400ffffffff"
            os.setxattr(path, b"system.posix_acl_access", bytes.fromhex(acl.replace(" ", "")))
            MADE["extended attributes"] += 3
    except OSError as error:
        MADE["extended attributes"] += 0
        print(f"odd_tree: this disk takes not all attributes: {error}", file=sys.stderr)


def depths(root):
    folder = fresh(root, b"depths")
    os.mkdir(os.path.join(folder, b"empty"))
    os.makedirs(os.path.join(folder, b"empty in empty", b"empty"))
    inner = os.path.join(folder, b"long")
    while len(inner) + 101 < LONG_PATH_BYTES:
        os.mkdir(inner)
        inner = os.path.join(inner, b"d" * 100)
    os.mkdir(inner)
    write(os.path.join(inner, b"file at the end of a long path"))
    MADE["long paths"] += 1
    MADE["empty folders"] += 3
    wide = fresh(folder, b"wide")
    for number in range(3000):
        write(os.path.join(wide, b"%05d" % number), b"")
    MADE["files in one folder"] += 3000


def specials(root):
    folder = fresh(root, b"specials")
    os.mkfifo(os.path.join(folder, b"fifo"), 0o622)
    made("fifos")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)
        server.bind("socket")
        os.chdir(here)
    made("sockets")
    if not IS_ROOT:
        return
    os.mknod(os.path.join(folder, b"null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(os.path.join(folder, b"block"), stat.S_IFBLK | 0o660, os.makedev(7, 129))
    MADE["devices"] += 2
    for owner, group in ((1234, 5678), (65534, 65534), (0, 4_000_000_000)):
        path = write(os.path.join(folder, b"of %d %d" % (owner, group)))
        os.chown(path, owner, group)
        os.symlink(b"null", path + b" link")
        os.chown(path + b" link", owner, group, follow_symlinks=False)
        MADE["owners"] += 2


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = os.fsencode(sys.argv[1])
    os.mkdir(root)
    os.umask(0o022)
    for make in (names, modes, links, times, sparse, attributes, depths, specials):
        make(root)
    print(json.dumps(MADE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
