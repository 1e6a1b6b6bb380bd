"""Cairn formats, version 1, written from crypto/FORMAT.md alone. Section numbers are those of that document.

A second implementation for comparison, not for use: whole files are in memory, and nothing is constant in time.
Needs the package `cryptography`, for AES-GCM, ChaCha20-Poly1305 and Ed25519 signing.
"""

import hashlib
import hmac
import unicodedata
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


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
    "slotSigningSeed": b"cairn/v1/slot-signing-seed",
    "slotReadKey": b"cairn/v1/slot-read-key",
    "childWriteKey": b"cairn/v1/child-write-key",
    "verifyKey": b"cairn/v1/verify-key",
    "bodyKey": b"cairn/v1/body-key",
    "linksKey": b"cairn/v1/links-key",
    "slotStorageIndex": b"cairn/v1/slot-storage-index",
    "slotRecord": b"cairn/v1/slot-record",
    "slotRecordHash": b"cairn/v1/slot-record-hash",
    "secretNonce": b"cairn/v1/secret-nonce",
    "cutKey": b"cairn/v1/cut-key",
    "blobIdKey": b"cairn/v1/blob-id-key",
    "cutTable": b"cairn/v1/cut-table",
    "cutPlace": b"cairn/v1/cut-place",
    "blobId": b"cairn/v1/blob-id",
    "packId": b"cairn/v1/pack-id",
    "indexId": b"cairn/v1/index-id",
    "snapshotId": b"cairn/v1/snapshot-id",
    "freedId": b"cairn/v1/freed-id",
    "dropContentKey": b"cairn/v1/drop-content-key",
    "dropNext": b"cairn/v1/drop-next",
    "dropBoxKey": b"cairn/v1/drop-box-key",
    "certificate": b"cairn/v1/certificate",
    "expulsion": b"cairn/v1/expulsion",
    "rosterMember": b"cairn/v1/roster-member",
    "rosterExpulsion": b"cairn/v1/roster-expulsion",
    "invitationChecksum": b"cairn/v1/invitation-checksum",
    "invitationToken": b"cairn/v1/invitation-token",
    "uploadId": b"cairn/v1/upload-id",
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


class Slot(NamedTuple):
    seed: bytes


class SlotRead(NamedTuple):
    read_key: bytes
    public_key: bytes


class SlotVerify(NamedTuple):
    public_key: bytes
    verify_key: bytes


class Dir(NamedTuple):
    seed: bytes


class DirRead(NamedTuple):
    read_key: bytes
    public_key: bytes


class DirVerify(NamedTuple):
    public_key: bytes
    verify_key: bytes


class Tree(NamedTuple):
    read_key: bytes
    root: bytes


class TreeVerify(NamedTuple):
    verify_key: bytes
    root: bytes


# In the order of their ids.
KINDS = {
    "lit": Literal,
    "file": File,
    "file-verify": FileVerify,
    "slot": Slot,
    "slot-read": SlotRead,
    "slot-verify": SlotVerify,
    "dir": Dir,
    "dir-read": DirRead,
    "dir-verify": DirVerify,
    "tree": Tree,
    "tree-verify": TreeVerify,
}
FORMS = list(KINDS.values())
NAMES = list(KINDS)


def capability_checksum(kind, payload):
    return H("capabilityChecksum", kind.encode() + b":", payload)[:4]


def kind_of(capability):
    """The name of a kind. Tuples of two kinds may be equal, so only the class tells."""
    return NAMES[FORMS.index(type(capability))]


def capability_body(capability):
    kind = kind_of(capability)
    want(kind == "lit" or all(len(part) == 32 for part in capability), f"{kind}: wanted values of 32 bytes")
    body = b"".join(capability)
    want(len(body) <= 64, f"{kind}: wanted a body of at most 64 bytes, found {len(body)}")
    return body


def parse_body(kind, body):
    form = KINDS[kind]
    if kind == "lit":
        want(len(body) <= 64, f"lit: wanted a body of at most 64 bytes, found {len(body)}")
        return Literal(body)
    size = 32 * len(form._fields)
    want(len(body) == size, f"{kind}: wanted a body of {size} bytes, found {len(body)}")
    return form(*(body[o : o + 32] for o in range(0, size, 32)))


def format_capability(capability):
    kind = kind_of(capability)
    payload = u8(1) + capability_body(capability)
    return f"cairn:{kind}:{base32_encode(payload + capability_checksum(kind, payload))}"


def parse_capability(text):
    """No message repeats the text, nor any part of it that could be secret."""
    want(len(text) <= 160, "capability: wanted at most 160 characters")
    parts = text.split(":")
    want(parts[0] == "cairn", "capability: wanted the scheme cairn")
    want(len(parts) == 3, f"capability: wanted 2 colons, found {len(parts) - 1}")
    kind = parts[1]
    want(kind in KINDS, "capability: unknown kind")
    data = base32_decode(parts[2])
    want(len(data) >= 5, f"capability: wanted at least 5 bytes, found {len(data)}")
    payload, checksum = data[:-4], data[-4:]
    want(capability_checksum(kind, payload) == checksum, "capability: the checksum does not fit (a typing error?)")
    want(payload[0] == 1, f"capability: wanted version 1, found {payload[0]}")
    return parse_body(kind, payload[1:])


def pack(capability):
    return u8(FORMS.index(type(capability))) + capability_body(capability)


def unpack(data, *forms):
    """A packed capability, of one of these forms if any are given."""
    want(len(data) >= 1, "packed capability: wanted at least 1 byte, found 0")
    want(data[0] < len(NAMES), f"packed capability: unknown id {data[0]}")
    capability = parse_body(NAMES[data[0]], data[1:])
    want(not forms or type(capability) in forms, f"packed capability: {NAMES[data[0]]} does not belong here")
    return capability


def attenuate(capability):
    """What follows next: from one that writes the read capability, from one that reads the verify capability."""
    match capability:
        case File(read_key, root):
            return FileVerify(storage_index(read_key), root)
        case Slot(seed):
            return SlotRead(derive(seed, "slotReadKey"), public_key_of(seed))
        case Dir(seed):
            return DirRead(derive(seed, "slotReadKey"), public_key_of(seed))
        case SlotRead(read_key, public_key):
            return SlotVerify(public_key, derive(read_key, "verifyKey"))
        case DirRead(read_key, public_key):
            return DirVerify(public_key, derive(read_key, "verifyKey"))
        case Tree(read_key, root):
            return TreeVerify(derive(read_key, "verifyKey"), root)
    raise Refused(f"nothing follows from a capability of the kind {kind_of(capability)}")


def public_key_of(seed):
    return Ed25519PrivateKey.from_private_bytes(derive(seed, "slotSigningSeed")).public_key().public_bytes_raw()


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


# PROTOCOL §4.2 Deterministic CBOR -----------------------------------------------------------------------------------


MAX_VALUES, MAX_DEPTH = 262144, 8


class Reader:
    def __init__(self, data):
        self.data, self.at, self.count = data, 0, 0

    def take(self, size):
        want(size <= len(self.data) - self.at, "CBOR: ends too early")
        self.at += size
        return self.data[self.at - size : self.at]


def cbor_head(major, value):
    for bits, info in ((8, 24), (16, 25), (32, 26), (64, 27)):
        if value < 24:
            return u8(major << 5 | value)
        if value < 1 << bits:
            return u8(major << 5 | info) + value.to_bytes(bits // 8, "big")


def cbor_text(value):
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise Refused("text: a lone surrogate has no UTF-8") from None


def cbor_encode(value):
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            want(0 <= value <= MAX_U64, "CBOR: wanted a uint of at most 2^53 - 1")
            return cbor_head(0, value)
        case bytes():
            return cbor_head(2, len(value)) + value
        case str():
            data = cbor_text(value)
            return cbor_head(3, len(data)) + data
        case list() | tuple():
            return cbor_head(4, len(value)) + b"".join(map(cbor_encode, value))
        case dict():
            pairs = sorted((cbor_encode(key), cbor_encode(one)) for key, one in value.items())
            return cbor_head(5, len(value)) + b"".join(key + one for key, one in pairs)
    raise TypeError(type(value))


def cbor_item(reader, depth):
    reader.count += 1
    want(reader.count <= MAX_VALUES, f"CBOR: wanted at most {MAX_VALUES} values")
    first = reader.take(1)[0]
    major, info = first >> 5, first & 31
    if major == 7:
        want(info in (20, 21), "CBOR: wanted no simple value but false and true")
        return info == 21
    want(info < 28, "CBOR: wanted a definite length")
    value = info
    if info >= 24:
        size = 1 << info - 24
        value = int.from_bytes(reader.take(size), "big")
        want(value >= (24 if size == 1 else 1 << 4 * size), "CBOR: wanted the shortest length")
    if major == 0:
        want(value <= MAX_U64, "CBOR: wanted a uint of at most 2^53 - 1")
        return value
    if major == 2:
        return reader.take(value)
    if major == 3:
        try:
            return reader.take(value).decode()
        except UnicodeDecodeError:
            raise Refused("CBOR: wanted UTF-8") from None
    want(major in (4, 5), f"CBOR: wanted no major type {major}")
    want(depth < MAX_DEPTH, "CBOR: wanted at most 8 maps and arrays in each other")
    if major == 4:
        found = []
        for _ in range(value):
            found.append(cbor_item(reader, depth + 1))
        return found
    found, last = {}, b""
    for _ in range(value):
        begin = reader.at
        key = cbor_item(reader, depth + 1)
        want(isinstance(key, str), "CBOR: wanted keys that are text")
        encoded = reader.data[begin : reader.at]
        want(encoded > last, "CBOR: wanted keys in order, each once")
        last = encoded
        found[key] = cbor_item(reader, depth + 1)
    return found


def cbor_decode(data):
    """The map that is all of the data."""
    want(data and data[0] >> 5 == 5, "CBOR: wanted a map")
    reader = Reader(data)
    value = cbor_item(reader, 0)
    want(reader.at == len(data), "CBOR: wanted nothing after the map")
    return value


def take_fields(fields, /, **kinds):
    """The fields in the order of `kinds`; one whose kind stands in a list may be missing, and is then None."""
    want(isinstance(fields, dict), "wanted a map")
    want(set(fields) <= set(kinds), "wanted no unknown field")
    found = []
    for name, kind in kinds.items():
        optional = isinstance(kind, list)
        kind = kind[0] if optional else kind
        want(optional or name in fields, f"wanted the field {name}")
        want(name not in fields or type(fields[name]) is kind, f"{name}: wanted another kind of value")
        found.append(fields.get(name))
    return found


# §15 Slots and trees: keys and boxes ---------------------------------------------------------------------------------


class SlotKeys(NamedTuple):
    signing_seed: bytes
    public_key: bytes
    read_key: bytes
    child_write_key: bytes
    verify_key: bytes
    body_key: bytes
    links_key: bytes
    storage_index: bytes


def slot_keys(seed):
    read_key, public_key = derive(seed, "slotReadKey"), public_key_of(seed)
    verify_key = derive(read_key, "verifyKey")
    return SlotKeys(
        derive(seed, "slotSigningSeed"),
        public_key,
        read_key,
        derive(seed, "childWriteKey"),
        verify_key,
        body_key(read_key),
        derive(verify_key, "linksKey"),
        H("slotStorageIndex", public_key),
    )


def body_key(read_key):
    return derive(read_key, "bodyKey")


def hchacha20(key, nonce):
    def words(data):
        return [int.from_bytes(data[o : o + 4], "little") for o in range(0, len(data), 4)]

    state = words(b"expand 32-byte k" + key + nonce)

    def turn(a, b, value, by):
        mixed = state[a] ^ value
        state[a] = (mixed << by | mixed >> 32 - by) & 0xFFFFFFFF
        return b

    def quarter(a, b, c, d):
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = state[x] + state[y] & 0xFFFFFFFF
            turn(z, None, state[x], by)

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return b"".join(word.to_bytes(4, "little") for word in state[:4] + state[12:])


def xchacha(key, nonce):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])), bytes(4) + nonce[16:]


def box_nonce(key, context, content):
    return MAC(key, "secretNonce", u8(len(context)), context, content)[:24]


def box(key, context, content):
    nonce = box_nonce(key, context, content)
    cipher, short = xchacha(key, nonce)
    return nonce + cipher.encrypt(short, content, None)


def open_box(key, context, given):
    want(len(given) >= 40, f"box: wanted at least 40 bytes, found {len(given)}")
    cipher, short = xchacha(key, given[:24])
    try:
        content = cipher.decrypt(short, given[24:], None)
    except InvalidTag:
        raise Refused("box: does not open") from None
    want(box_nonce(key, context, content) == given[:24], "box: the nonce is not that of the content")
    return content


# PROTOCOL §6.1 Ed25519, verification -----------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def point_decode(data):
    """RFC 8032 §5.1.3, save that y may be at or above p and x = 0 with a sign is taken, as libraries do."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value % 2**255 % P
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != xx:
        return None
    return (P - x if x & 1 != sign else x) % P, y


def point_add(a, b):
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def point_times(scalar, point):
    total = (0, 1)
    while scalar:
        total = point_add(total, point) if scalar & 1 else total
        point, scalar = point_add(point, point), scalar >> 1
    return total


BASE_Y = 4 * pow(5, -1, P) % P
BASE = point_decode(BASE_Y.to_bytes(32, "little"))


def point_encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def signature_holds(public_key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    a, r_point = point_decode(public_key), point_decode(r)
    if len(signature) != 64 or s >= L or a is None or r_point is None:
        return False
    if point_times(8, a) == (0, 1) or point_times(8, r_point) == (0, 1):
        return False
    h = int.from_bytes(hashlib.sha512(r + public_key + message).digest(), "little") % L
    minus_a = (-a[0] % P, a[1])
    return point_encode(point_add(point_times(s, BASE), point_times(h, minus_a))) == r


# §16 Slot record -----------------------------------------------------------------------------------------------------

MAX_RECORD = 65536


class Record(NamedTuple):
    public_key: bytes
    sequence: int
    previous: bytes
    sealed_links: bytes
    sealed_body: bytes
    data: bytes

    def hash(self):
        return H("slotRecordHash", self.data)


def record_context(data):
    """What the boxes of a record are tied to: all before L."""
    return data[:73]


def make_record(seed, sequence, previous, links, body):
    keys = slot_keys(seed)
    head = u8(1) + keys.public_key + u64(sequence) + previous
    return sign_record(keys.signing_seed, head, box(keys.links_key, head, links), box(keys.body_key, head, body))


def sign_record(signing_seed, head, sealed_links, sealed_body):
    signed = head + u32(len(sealed_links)) + u32(len(sealed_body)) + sealed_links + sealed_body
    return signed + Ed25519PrivateKey.from_private_bytes(signing_seed).sign(prefix("slotRecord") + signed)


def parse_record(data, public_key=None):
    want(len(data) <= MAX_RECORD, f"record: wanted at most {MAX_RECORD} bytes, found {len(data)}")
    want(len(data) >= 81 + 40 + 40 + 64, f"record: wanted at least 225 bytes, found {len(data)}")
    want(data[0] == 1, f"record: wanted version 1, found {data[0]}")
    sequence, previous = number(data[33:41]), data[41:73]
    want(sequence >= 1, "record: wanted a sequence of at least 1")
    want((previous == bytes(32)) == (sequence == 1), "record: previous is zeros in the first record, and only there")
    links_size, body_size = number(data[73:77]), number(data[77:81])
    want(links_size >= 40 and body_size >= 40, "record: wanted boxes of at least 40 bytes")
    size = 81 + links_size + body_size + 64
    want(len(data) == size, f"record: wanted {size} bytes, found {len(data)}")
    want(public_key in (None, data[1:33]), "record: of another slot")
    good = signature_holds(data[1:33], prefix("slotRecord") + data[:-64], data[-64:])
    want(good, "record: the signature does not hold")
    body = 81 + links_size
    return Record(data[1:33], sequence, previous, data[81:body], data[body:-64], data)


def open_links(capability, record):
    """With a verify capability."""
    want(record.public_key == capability.public_key, "record: of another slot")
    return open_box(derive(capability.verify_key, "linksKey"), record_context(record.data), record.sealed_links)


def open_body(capability, record):
    """With a read capability."""
    want(record.public_key == capability.public_key, "record: of another slot")
    return open_box(body_key(capability.read_key), record_context(record.data), record.sealed_body)


def record_that_holds(records):
    """Of valid records of one key the highest, and whether there is a fork; of a fork the one with the higher hash."""
    highest = max(record.sequence for record in records)
    heads = {record.hash(): record for record in records if record.sequence == highest}
    return heads[max(heads)], len(heads) > 1


VERIFY_FORMS = (FileVerify, SlotVerify, DirVerify, TreeVerify)


class Links(NamedTuple):
    children: tuple
    nodes: tuple  # File capabilities


def encode_links(links):
    return cbor_encode({"children": [pack(child) for child in links.children], "nodes": [b"".join(n) for n in links.nodes]})


def parse_links(data):
    children, nodes = take_fields(cbor_decode(data), children=list, nodes=list)
    want(len(children) <= MAX_ENTRIES, f"links: wanted at most {MAX_ENTRIES} children")
    want(len(nodes) <= MAX_POINTERS, f"links: wanted at most {MAX_POINTERS} nodes")
    want(all(type(one) is bytes for one in children + nodes), "links: wanted bytes")
    want(all(len(one) == 64 for one in nodes), "links: wanted 64 bytes for each node")
    want(all(a < b for a, b in zip(children, children[1:])), "links: wanted children in order, each once")
    parsed = tuple(unpack(one, *VERIFY_FORMS) for one in children)
    return Links(parsed, tuple(File(one[:32], one[32:]) for one in nodes))


def slot_value(value):
    """Links and body of a slot: an inline value, or the File that holds it."""
    if isinstance(value, File):
        return encode_links(Links((attenuate(value),), ())), cbor_encode({"file": pack(value)})
    return encode_links(Links((), ())), cbor_encode({"value": value})


def parse_slot_value(body):
    value, packed = take_fields(cbor_decode(body), value=[bytes], file=[bytes])
    want((value is None) != (packed is None), "slot: wanted either a value or a file")
    return unpack(packed, File) if value is None else value


# §17 Directories -----------------------------------------------------------------------------------------------------

MAX_ENTRIES, MAX_POINTERS, MAX_NODE = 16384, 4096, 4194304
CHILD_FORMS = (Literal, File, SlotRead, DirRead, Tree)


class Entry(NamedTuple):
    name: str
    read: object = None  # None for a name that was removed
    write: bytes = None  # the box
    size: int = None
    mtime: int = None
    user: dict = None


class Node(NamedTuple):
    entries: tuple
    starts: tuple
    nodes: tuple  # File capabilities


def utf16_units(text):
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def check_name(name):
    data = cbor_text(name)
    want(1 <= len(data) <= 255, f"name: wanted 1 to 255 bytes, found {len(data)}")
    want("/" not in name and "\0" not in name, "name: wanted no / and no U+0000")
    want(name not in (".", ".."), "name: wanted neither . nor ..")


def check_user(user):
    want(len(user) <= 32, f"user: wanted at most 32 values, found {len(user)}")
    for key, value in user.items():
        want(utf16_units(key) <= 1024, "user: wanted names of at most 1,024")
        want(type(value) in (int, bool, str, bytes), "user: wanted a uint, bool, text or bytes")
        size = utf16_units(value) if type(value) is str else len(value) if type(value) is bytes else 0
        want(size <= 1024, "user: wanted values of at most 1,024")


def normalized(name):
    return unicodedata.normalize("NFC", name)


def encode_entry(entry):
    if entry.read is None:
        return {"name": entry.name, "removed": True}
    fields = {**entry._asdict(), "read": pack(entry.read)}
    return {name: value for name, value in fields.items() if value is not None}


def encode_node(node):
    """Links and body."""
    children = [attenuate(entry.read) for entry in node.entries if type(entry.read) not in (type(None), Literal)]
    body = {"entries": [encode_entry(entry) for entry in node.entries], "starts": list(node.starts)}
    return encode_links(Links(sorted_children(children), node.nodes)), cbor_encode(body)


def sorted_children(children):
    return tuple(unpack(one) for one in sorted({pack(child) for child in children}))


def parse_entry(fields, is_leaf):
    want(isinstance(fields, dict), "entry: wanted a map")
    if "removed" in fields:
        name, removed = take_fields(fields, name=str, removed=bool)
        want(removed and not is_leaf, "entry: a removal is true, and in no leaf")
        check_name(name)
        return Entry(name)
    names = {"name": str, "read": bytes, "write": [bytes], "size": [int], "mtime": [int], "user": [dict]}
    name, read, write, size, mtime, user = take_fields(fields, **names)
    check_name(name)
    read = unpack(read, *CHILD_FORMS)
    if write is not None:
        want(isinstance(read, (SlotRead, DirRead)), "entry: only a slot or a directory has a write capability")
        want(len(write) == 73, f"entry: wanted a write box of 73 bytes, found {len(write)}")
    if user is not None:
        check_user(user)
    return Entry(name, read, write, size, mtime, user)


def parse_node(links_data, body_data):
    links = parse_links(links_data)
    entries, starts = take_fields(cbor_decode(body_data), entries=list, starts=list)
    want(len(entries) <= MAX_ENTRIES, f"node: wanted at most {MAX_ENTRIES} entries")
    want(all(type(one) is str for one in starts), "node: wanted starts that are text")
    want(len(starts) == len(links.nodes), "node: wanted as many starts as nodes")
    starts_bytes = [one.encode() for one in starts]
    want(starts_bytes[:1] in ([], [b""]), "node: wanted an empty first start")
    want(all(a < b for a, b in zip(starts_bytes, starts_bytes[1:])), "node: wanted starts in order")
    for start in starts[1:]:
        check_name(start)
    parsed = tuple(parse_entry(one, not starts) for one in entries)
    names = [entry.name.encode() for entry in parsed]
    want(all(a < b for a, b in zip(names, names[1:])), "node: wanted names in order, each once")
    return Node(parsed, tuple(starts), links.nodes)


def open_write(key, entry):
    """The write capability of an entry, with the childWriteKey of its directory."""
    capability = unpack(open_box(key, b"", entry.write), Slot, Dir)
    want(type(attenuate(capability)) is type(entry.read), "entry: the write capability is of another kind")
    want(attenuate(capability) == entry.read, "entry: the write capability is of another child")
    return capability


def seal_write(key, capability):
    return box(key, b"", pack(capability))


def make_node_file(key, links, body):
    data = u8(1) + u32(len(links)) + links + box(key, b"", body)
    want(len(data) <= MAX_NODE, f"node file: wanted at most {MAX_NODE} bytes")
    return data


def parse_node_file(data):
    """Links and the sealed body: all that a verifier sees."""
    want(len(data) <= MAX_NODE, f"node file: wanted at most {MAX_NODE} bytes")
    want(len(data) >= 5, f"node file: wanted at least 5 bytes, found {len(data)}")
    want(data[0] == 1, f"node file: wanted version 1, found {data[0]}")
    size = number(data[1:5])
    want(len(data) - 5 - size >= 40, "node file: wanted links and then a box of at least 40 bytes")
    return data[5 : 5 + size], data[5 + size :]


def carrier_of_tree(verify):
    """The file capability of the root node of a tree."""
    return File(verify.verify_key, verify.root)


def write_tree(read_key, node, encoding):
    """The capability and the share files of a tree whose other nodes are already written."""
    content = make_node_file(body_key(read_key), *encode_node(node))
    given, shares = write_file(content, derive(read_key, "verifyKey"), encoding)
    return Tree(read_key, given.root), content, shares


def read_node(capability, content):
    """With a tree or dir-read capability, the node in the content of a node file."""
    links, sealed = parse_node_file(content)
    return parse_node(links, open_box(body_key(capability.read_key), b"", sealed))


# §13 Vectors ---------------------------------------------------------------------------------------------------------


def pattern(seed, size):
    return bytes(sha256(u32(seed) + u32(i))[0] for i in range(size))
