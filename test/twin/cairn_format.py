"""Cairn formats, version 1, written from crypto/FORMAT.md alone. Section numbers are those of that document.

A second implementation for comparison, not for use: whole files are in memory, and nothing is constant in time.
Needs the package `cryptography`, for AES-GCM only.
"""

import hashlib
import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(ValueError):
    """What a decoder raises for everything that the format does not allow (§12)."""


def want(condition, message):
    if not condition:
        raise Refused(message)


# §1 Conventions ------------------------------------------------------------------------------------------------------

MAX_U64 = 2**53 - 1
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def ceil_divide(a, b):
    return -(-a // b)


def u8(value):
    return value.to_bytes(1, "big")


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    want(value <= MAX_U64, f"u64: wanted at most 2^53 - 1, found {value}")
    return value.to_bytes(8, "big")


def number(data):
    value = int.from_bytes(data, "big")
    want(value <= MAX_U64, f"u64: wanted at most 2^53 - 1, found {value}")
    return value


def base32_encode(data):
    length = ceil_divide(len(data) * 8, 5)
    bits = int.from_bytes(data, "big") << (length * 5 - len(data) * 8)
    return "".join(BASE32[bits >> 5 * i & 31] for i in reversed(range(length)))


def base32_decode(text):
    want(len(text) % 8 not in (1, 3, 6), "base32: no byte string has a text of this length")
    bits = 0
    for character in text:
        digit = BASE32.find(character)
        want(digit >= 0, "base32: wanted only a-z and 2-7")
        bits = bits << 5 | digit
    left_over = len(text) * 5 % 8
    want(bits & (1 << left_over) - 1 == 0, "base32: wanted zero bits at the end")
    return (bits >> left_over).to_bytes(len(text) * 5 // 8, "big")


def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf(secret, salt, info, length):
    key = hmac.digest(salt, secret, "sha256")
    output = last = b""
    while len(output) < length:
        last = hmac.digest(key, last + info + u8(len(output) // 32 + 1), "sha256")
        output += last
    return output[:length]


# §2 Tags -------------------------------------------------------------------------------------------------------------

TAGS = {
    "capabilityChecksum": b"cairn/v1/capability-checksum",
    "fileEncryptionKey": b"cairn/v1/file-encryption-key",
    "fileStorageIndex": b"cairn/v1/file-storage-index",
    "fileConvergentKey": b"cairn/v1/file-convergent-key",
    "blockLeaf": b"cairn/v1/block-leaf",
    "sealedLeaf": b"cairn/v1/sealed-leaf",
    "treeNode": b"cairn/v1/tree-node",
    "manifest": b"cairn/v1/manifest",
    "ring": b"cairn/v1/ring",
    "announcement": b"cairn/v1/announcement",
}


def prefix(name):
    return u8(len(TAGS[name])) + TAGS[name]


def H(name, *parts):
    return sha256(prefix(name) + b"".join(parts))


def MAC(key, name, *parts):
    return hmac.digest(key, prefix(name) + b"".join(parts), "sha256")


def derive(secret, name):
    return hkdf(secret, b"", TAGS[name], 32)


# §5.1, §5.2, §5.4 Encoding and sizes ------------------------------------------------------------------------------

BYTES, BITS = 1, 2
MAX_SEGMENTS = 2**24


class Encoding(NamedTuple):
    k: int
    n: int
    matrix: int
    layout: int
    segment_size: int

    def check(self):
        want(1 <= self.k <= self.n <= 255, f"wanted 1 <= k <= n <= 255, found k = {self.k}, n = {self.n}")
        want(self.matrix == 1, f"matrix id: wanted 1, found {self.matrix}")
        want(self.layout in (BYTES, BITS), f"layout id: wanted 1 or 2, found {self.layout}")
        want(1024 <= self.segment_size <= 4194304, f"segment size {self.segment_size} is not from 1,024 to 4,194,304")

    def segment_count(self, file_size):
        count = max(1, ceil_divide(file_size, self.segment_size))
        want(count <= MAX_SEGMENTS, f"wanted at most 2^24 segments, found {count}")
        return count

    def segment_length(self, file_size, i):
        """Plaintext bytes of segment i."""
        return min(self.segment_size, file_size - i * self.segment_size)

    def cut(self, content):
        count = self.segment_count(len(content))
        return [content[i * self.segment_size : (i + 1) * self.segment_size] for i in range(count)]

    def block_size(self, s):
        unit = 1 if self.layout == BYTES else 512
        return ceil_divide(ceil_divide(s + 16, self.k), unit) * unit


# §3 Keys -------------------------------------------------------------------------------------------------------------


def encryption_key(read_key):
    return derive(read_key, "fileEncryptionKey")


def storage_index(read_key):
    return derive(read_key, "fileStorageIndex")


def content_digest(segments):
    return sha256(b"".join(map(sha256, segments)))


def convergent_read_key(secret, encoding, digest):
    parameters = bytes([encoding.k, encoding.n, encoding.matrix, encoding.layout]) + u32(encoding.segment_size)
    return MAC(secret, "fileConvergentKey", parameters, digest)


# §4 Capabilities -----------------------------------------------------------------------------------------------------


class Literal(NamedTuple):
    content: bytes


class File(NamedTuple):
    read_key: bytes
    root: bytes


class FileVerify(NamedTuple):
    storage_index: bytes
    root: bytes


KINDS = {"lit": Literal, "file": File, "file-verify": FileVerify}
RESERVED = ("slot", "slot-read", "slot-verify", "dir", "dir-read", "dir-verify", "tree", "tree-verify")


def capability_checksum(kind, payload):
    return H("capabilityChecksum", kind.encode() + b":", payload)[:4]


def check_body(kind, body):
    if kind == "lit":
        want(len(body) <= 64, f"lit: wanted a body of at most 64 bytes, found {len(body)}")
    else:
        want(len(body) == 64, f"{kind}: wanted a body of 64 bytes, found {len(body)}")


def format_capability(capability):
    kind = next(kind for kind, form in KINDS.items() if isinstance(capability, form))
    body = b"".join(capability)
    check_body(kind, body)
    want(kind == "lit" or len(capability[0]) == 32, f"{kind}: wanted two values of 32 bytes")
    payload = u8(1) + body
    return f"cairn:{kind}:{base32_encode(payload + capability_checksum(kind, payload))}"


def parse_capability(text):
    """No message repeats the text, nor any part of it that could be secret."""
    want(len(text) <= 160, "capability: wanted at most 160 characters")
    parts = text.split(":")
    want(parts[0] == "cairn", "capability: wanted the scheme cairn")
    want(len(parts) == 3, f"capability: wanted 2 colons, found {len(parts) - 1}")
    kind = parts[1]
    want(kind not in RESERVED, f"capability: the kind {kind if kind in RESERVED else ''} is not read by version 1")
    want(kind in KINDS, "capability: unknown kind")
    data = base32_decode(parts[2])
    want(len(data) >= 5, f"capability: wanted at least 5 bytes, found {len(data)}")
    payload, checksum = data[:-4], data[-4:]
    want(capability_checksum(kind, payload) == checksum, "capability: the checksum does not fit (a typing error?)")
    want(payload[0] == 1, f"capability: wanted version 1, found {payload[0]}")
    body = payload[1:]
    check_body(kind, body)
    return Literal(body) if kind == "lit" else KINDS[kind](body[:32], body[32:])


def attenuate(capability):
    """The verify capability that follows from one that reads."""
    want(isinstance(capability, File), "only a file capability has a verify form")
    return FileVerify(storage_index(capability.read_key), capability.root)


# §5.3 Sealing --------------------------------------------------------------------------------------------------------


def nonce(i, is_last):
    return u8(1 if is_last else 0) + bytes(3) + u64(i)


def seal(key, i, is_last, plaintext):
    return AESGCM(key).encrypt(nonce(i, is_last), plaintext, None)


def unseal(key, i, is_last, sealed):
    try:
        return AESGCM(key).decrypt(nonce(i, is_last), sealed, None)
    except InvalidTag:
        raise Refused(f"segment {i} does not open") from None


# §6 Erasure code -----------------------------------------------------------------------------------------------------


def times_x(a):
    return a << 1 ^ (0x11D if a & 0x80 else 0)


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = times_x(a), b >> 1
    return product


EXP = [1]  # powers of x, which reach every element but 0
while len(EXP) < 255:
    EXP.append(times_x(EXP[-1]))
LOG = {power: i for i, power in enumerate(EXP)}
PRODUCTS = [bytes(times(e, a) for a in range(256)) for e in range(256)]


def weights(w, points):
    """One row: how block w is made of the blocks at these points, R(w, i) of §6.4; with points 0 to k - 1, G(w, c)."""
    if w in points:
        return bytes(i == w for i in points)
    numerator = sum(LOG[w ^ j] for j in points)
    row = []
    for i in points:
        denominator = LOG[w ^ i] + sum(LOG[i ^ j] for j in points if j != i)
        row.append(EXP[(numerator - denominator) % 255])
    return bytes(row)


def strips(block):
    """Layout bits: the 8 strips of all groups of a block, each as one number."""
    groups = range(0, len(block), 512)
    return [int.from_bytes(b"".join(block[g + 64 * b : g + 64 * b + 64] for g in groups), "big") for b in range(8)]


def unstrips(numbers, size):
    parts = [value.to_bytes(size // 8, "big") for value in numbers]
    return b"".join(part[g : g + 64] for g in range(0, size // 8, 64) for part in parts)


def combine(rows, blocks, layout):
    """For each row the sum of the blocks, each times its coefficient in the row."""
    size = len(blocks[0])
    want(all(len(block) == size for block in blocks), "blocks of one segment are of one size")
    results = []
    if layout == BYTES:
        for row in rows:
            total = 0
            for e, block in zip(row, blocks):
                total ^= int.from_bytes(block.translate(PRODUCTS[e]), "big")
            results.append(total.to_bytes(size, "big"))
    else:
        want(size % 512 == 0, f"layout bits: wanted a multiple of 512 bytes, found {size}")
        inputs = [strips(block) for block in blocks]
        for row in rows:
            output = [0] * 8
            for e, given in zip(row, inputs):
                for b_in in range(8):
                    product = PRODUCTS[e][1 << b_in]
                    for b_out in range(8):
                        if product >> b_out & 1:
                            output[b_out] ^= given[b_in]
            results.append(unstrips(output, size))
    return results


def parity(data, n, layout):
    k = len(data)
    return combine([weights(i, range(k)) for i in range(k, n)], data, layout)


def rebuild(blocks, wanted, layout):
    """Blocks with the wanted numbers, from k blocks given as {number: block}."""
    points = sorted(blocks)
    rows = [weights(w, points) for w in wanted]
    return combine(rows, [blocks[i] for i in points], layout)


def code_segment(sealed, encoding, size):
    """All n blocks of a sealed segment (§5.4)."""
    padded = sealed.ljust(encoding.k * size, b"\0")
    data = [padded[j * size : (j + 1) * size] for j in range(encoding.k)]
    return data + parity(data, encoding.n, encoding.layout)


# §7 Trees ------------------------------------------------------------------------------------------------------------


def block_leaf(block):
    return H("blockLeaf", sha256(block))


def sealed_leaf(sealed):
    return H("sealedLeaf", sha256(sealed))


def node(left, right):
    return H("treeNode", left, right)


def tree_levels(leaves):
    levels = [list(leaves)]
    want(levels[0] and all(len(leaf) == 32 for leaf in levels[0]), "tree: wanted leaves of 32 bytes, at least one")
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [node(*below[p : p + 2]) for p in range(0, len(below) - 1, 2)]
        levels.append(level + below[len(level) * 2 :])
    return levels


def tree_root(leaves):
    return tree_levels(leaves)[-1][0]


def tree_bytes(leaves):
    return b"".join(map(b"".join, tree_levels(leaves)))


def level_sizes(leaf_count):
    sizes = [leaf_count]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def proof(leaves, i):
    siblings = []
    for depth, level in enumerate(tree_levels(leaves)):
        siblings += level[(i >> depth) ^ 1 :][:1]
    return b"".join(siblings)


def check_proof(root, leaf_count, i, leaf, given):
    want(0 <= i < leaf_count, f"proof: wanted a leaf below {leaf_count}, found {i}")
    path, offset = leaf, 0
    for depth, size in enumerate(level_sizes(leaf_count)):
        p = i >> depth
        if p ^ 1 < size:
            sibling = given[offset : offset + 32]
            path = node(sibling, path) if p & 1 else node(path, sibling)
            offset += 32
    want(offset == len(given), f"proof: wanted {offset} bytes, found {len(given)}")
    want(path == root, "proof: does not lead to the root")


# §8 Manifest ---------------------------------------------------------------------------------------------------------


class Manifest(NamedTuple):
    encoding: Encoding
    file_size: int
    storage_index: bytes
    sealed_root: bytes
    share_roots: tuple

    def to_bytes(self):
        e = self.encoding
        head = bytes([1, e.k, e.n, e.matrix, e.layout]) + u32(e.segment_size) + u64(self.file_size)
        return head + self.storage_index + self.sealed_root + b"".join(self.share_roots)

    def root(self):
        return manifest_root(self.to_bytes())

    @property
    def segment_count(self):
        return self.encoding.segment_count(self.file_size)

    def segment_length(self, i):
        return self.encoding.segment_length(self.file_size, i)

    def block_size(self, i):
        return self.encoding.block_size(self.segment_length(i))


def manifest_root(data):
    return H("manifest", data)


def parse_manifest(data):
    want(len(data) > 81, f"manifest: wanted more than 81 bytes, found {len(data)}")
    want(data[0] == 1, f"manifest: wanted version 1, found {data[0]}")
    encoding = Encoding(*data[1:5], number(data[5:9]))
    encoding.check()
    file_size = number(data[9:17])
    encoding.segment_count(file_size)
    want(len(data) == 81 + 32 * encoding.n, f"manifest: wanted {81 + 32 * encoding.n} bytes, found {len(data)}")
    roots = tuple(data[o : o + 32] for o in range(81, len(data), 32))
    return Manifest(encoding, file_size, data[17:49], data[49:81], roots)


# §9 Share file -------------------------------------------------------------------------------------------------------

BEGIN, END = b"cairnsh1", b"cairnend"


class Share(NamedTuple):
    number: int
    manifest: Manifest
    blocks: tuple
    sealed_leaves: tuple


def build_share(j, manifest, blocks, sealed_leaves):
    data = manifest.to_bytes()
    trees = tree_bytes([block_leaf(block) for block in blocks]) + tree_bytes(sealed_leaves)
    return BEGIN + b"".join(blocks) + trees + data + u32(len(data)) + u32(j) + END


def parse_share(data, address, share_number=None):
    """A share file, checked in all its parts against its address: a FileVerify and, where it is known, the number."""
    want(len(data) >= 24 and data[:8] == BEGIN, "share: does not begin as one")
    want(data[-8:] == END, "share: does not end as one")
    manifest_size, j = number(data[-16:-12]), number(data[-12:-8])
    want(manifest_size <= min(8241, len(data) - 24), f"share: no room for a manifest of {manifest_size} bytes")
    manifest_bytes = data[-16 - manifest_size : -16]
    want(manifest_root(manifest_bytes) == address.root, "share: the manifest is not that of the root")
    manifest = parse_manifest(manifest_bytes)
    want(manifest.storage_index == address.storage_index, "share: another storage index")
    want(j < manifest.encoding.n, f"share: wanted a number below {manifest.encoding.n}, found {j}")
    want(share_number in (None, j), f"share: wanted number {share_number}, found {j}")

    count = manifest.segment_count
    full, last = manifest.block_size(0), manifest.block_size(count - 1)
    block_end = 8 + (count - 1) * full + last
    tree_size = 32 * sum(level_sizes(count))
    size = block_end + 2 * tree_size + manifest_size + 16
    want(len(data) == size, f"share: wanted {size} bytes, found {len(data)}")

    blocks = tuple(data[8 + i * full : 8 + i * full + manifest.block_size(i)] for i in range(count))
    block_tree = data[block_end : block_end + tree_size]
    want(block_tree == tree_bytes(map(block_leaf, blocks)), "share: the block tree is not that of the blocks")
    want(block_tree[-32:] == manifest.share_roots[j], "share: another root of the block tree")
    sealed_tree = data[block_end + tree_size : block_end + 2 * tree_size]
    leaves = tuple(sealed_tree[o : o + 32] for o in range(0, 32 * count, 32))
    want(sealed_tree == tree_bytes(leaves), "share: the sealed tree is not that of its leaves")
    want(sealed_tree[-32:] == manifest.sealed_root, "share: another root of the sealed tree")
    return Share(j, manifest, blocks, leaves)


# §10 Writing, reading, repairing -------------------------------------------------------------------------------------


def code_file(sealed, encoding, file_size):
    """By share number, the blocks of all segments."""
    count = len(sealed)
    sizes = [encoding.block_size(encoding.segment_length(file_size, i)) for i in range(count)]
    return list(zip(*(code_segment(*one) for one in zip(sealed, [encoding] * count, sizes))))


def write_file(content, read_key, encoding):
    """The capability and the n share files."""
    encoding.check()
    segments = encoding.cut(content)
    key, last = encryption_key(read_key), len(segments) - 1
    sealed = [seal(key, i, i == last, plaintext) for i, plaintext in enumerate(segments)]
    shares = code_file(sealed, encoding, len(content))
    sealed_leaves = [sealed_leaf(segment) for segment in sealed]
    share_roots = tuple(tree_root([block_leaf(block) for block in blocks]) for blocks in shares)
    manifest = Manifest(encoding, len(content), storage_index(read_key), tree_root(sealed_leaves), share_roots)
    files = [build_share(j, manifest, blocks, sealed_leaves) for j, blocks in enumerate(shares)]
    return File(read_key, manifest.root()), files


def sealed_segments(verify, share_files):
    """The manifest and the sealed segments, from share files of which any number may be wrong."""
    good = {}
    for data in share_files:
        try:
            share = parse_share(data, verify)
            good[share.number] = share
        except Refused:
            pass
    want(good, "found no good share")
    manifest = next(iter(good.values())).manifest
    k, layout = manifest.encoding.k, manifest.encoding.layout
    want(len(good) >= k, f"wanted {k} good shares, found {len(good)}")
    chosen = [good[j] for j in sorted(good)[:k]]
    sealed = []
    for i in range(manifest.segment_count):
        blocks = {share.number: share.blocks[i] for share in chosen}
        segment = b"".join(rebuild(blocks, range(k), layout))[: manifest.segment_length(i) + 16]
        fits = sealed_leaf(segment) == chosen[0].sealed_leaves[i]
        want(fits, f"segment {i}: the writer made shares that do not belong together")
        sealed.append(segment)
    return manifest, sealed, chosen[0].sealed_leaves


def read_file(capability, share_files=()):
    if isinstance(capability, Literal):
        return capability.content
    want(isinstance(capability, File), "this capability does not read")
    manifest, sealed, _ = sealed_segments(attenuate(capability), share_files)
    key, last = encryption_key(capability.read_key), len(sealed) - 1
    return b"".join(unseal(key, i, i == last, segment) for i, segment in enumerate(sealed))


def repair_file(verify, share_files):
    """All n share files again."""
    manifest, sealed, leaves = sealed_segments(verify, share_files)
    shares = code_file(sealed, manifest.encoding, manifest.file_size)
    files = [build_share(j, manifest, blocks, leaves) for j, blocks in enumerate(shares)]
    for j, data in enumerate(files):
        parse_share(data, verify, j)
    return files


# §13 Vectors ---------------------------------------------------------------------------------------------------------


def pattern(seed, size):
    return bytes(sha256(u32(seed) + u32(i))[0] for i in range(size))
