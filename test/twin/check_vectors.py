"""Checks test/vectors/v1 against cairn_format.py, every file and every field, and then properties with a fixed seed.

    python3 test/twin/check_vectors.py
"""

import itertools
import json
import pathlib
import random
import re
import sys

sys.dont_write_bytecode = True

import cairn_format as cairn  # noqa: E402
import check_backup  # noqa: E402
import check_members  # noqa: E402
from cairn_format import BITS, BYTES, Encoding, File, FileVerify, Literal, Manifest, Refused, sha256  # noqa: E402
from checking import Count, Fields, check, refused, unhex, unread_fields  # noqa: E402

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "v1"
SEED = 20240817


def check_digest(found, wanted, what):
    """Bytes in hexadecimal, or the SHA-256 of them."""
    if isinstance(wanted, Fields):
        check(sha256(found).hex(), wanted["sha256"], what)
    else:
        check(found.hex(), wanted, what)


def encoding_of(fields):
    names = ("neededShares", "totalShares", "matrix", "layout", "segmentSizeBytes")
    encoding = Encoding(*(fields[name] for name in names))
    encoding.check()
    return encoding


def pattern_of(text, **names):
    """The bytes that a vector describes with `pattern(seed, size)`; the seed may be a sum with a name in it."""
    found = re.search(r"pattern\((\d+)(?: \+ ([a-z]))?, (\d+)\)", text)
    return cairn.pattern(int(found[1]) + (names[found[2]] if found[2] else 0), int(found[3]))


# The vector files ----------------------------------------------------------------------------------------------------


def base32(vectors):
    for one in vectors:
        check(cairn.base32_encode(unhex(one["bytes"])), one["text"], "encode")
        check(cairn.base32_decode(one["text"]).hex(), one["bytes"], "decode")


def hash(vectors):
    check([one["name"] for one in vectors], list(cairn.TAGS)[:10], "names")
    check_hashes(vectors)


def hash_slots(vectors):
    check([one["name"] for one in vectors], list(cairn.TAGS)[10:20], "names")
    check_hashes(vectors)


def hash_backup(vectors):
    check([one["name"] for one in vectors], list(cairn.TAGS)[20:32], "names")
    check_hashes(vectors)


def hash_membership(vectors):
    check([one["name"] for one in vectors], list(cairn.TAGS)[32:38], "names")
    check_hashes(vectors)


def hash_writes(vectors):
    check([one["name"] for one in vectors], list(cairn.TAGS)[38:], "names")
    check_hashes(vectors)


def check_hashes(vectors):
    for one in vectors:
        name, message = one["name"], unhex(one["message"])
        check(cairn.TAGS[name].decode(), one["tag"], f"{name} tag")
        check(cairn.H(name, message).hex(), one["H"], f"{name} H")
        check(cairn.H(name, message[:7], message[7:]).hex(), one["H"], f"{name} H of two parts")
        check(cairn.MAC(unhex(one["key"]), name, message).hex(), one["MAC"], f"{name} MAC")


def keys(vector):
    read_key = unhex(vector["readKey"])
    check(cairn.encryption_key(read_key).hex(), vector["encryptionKey"], "encryptionKey")
    check(cairn.storage_index(read_key).hex(), vector["storageIndex"], "storageIndex")
    one = vector["convergent"]
    encoding = encoding_of(one["encoding"])
    segments = [pattern_of(text) for text in one["content"]]
    check(encoding.cut(b"".join(segments)), segments, "content is a list of segments")
    digest = cairn.content_digest(segments)
    check(digest.hex(), one["contentDigest"], "contentDigest")
    key = cairn.convergent_read_key(unhex(one["convergenceSecret"]), encoding, digest)
    check(key.hex(), one["readKey"], "convergent readKey")


def capability(vectors):
    forms = {"lit": ("content",), "file": ("readKey", "root"), "file-verify": ("storageIndex", "root")}
    parsed = {}
    for one in vectors:
        kind = one["kind"]
        given = cairn.KINDS[kind](*(unhex(one[name]) for name in forms[kind]))
        check(cairn.format_capability(given), one["text"], f"format {kind}")
        parsed[kind] = cairn.parse_capability(one["text"])
        check(parsed[kind], given, f"parse {kind}")
    check(cairn.attenuate(parsed["file"]), parsed["file-verify"], "the verify form of the file capability")
    refused("a verify form of a literal", cairn.attenuate, parsed["lit"])


def capability_slots(vectors):
    check([one["kind"] for one in vectors], list(cairn.KINDS), "kinds, by id")
    for one in vectors:
        kind, fields = one["kind"], one["fields"]
        names = [re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name) for name in fields]
        check(tuple(names), cairn.KINDS[kind]._fields, f"{kind}: fields")
        given = cairn.KINDS[kind](*(unhex(fields[name]) for name in fields))
        check(cairn.format_capability(given), one["text"], f"format {kind}")
        check_kind(cairn.parse_capability(one["text"]), given, f"parse {kind}")
        check(cairn.pack(given).hex(), one["packed"], f"pack {kind}")
        check_kind(cairn.unpack(unhex(one["packed"])), given, f"unpack {kind}")
        if "follows" in one:
            check(cairn.format_capability(cairn.attenuate(given)), one["follows"], f"what follows from {kind}")
        else:
            refused(f"what follows from {kind}", cairn.attenuate, given)


def check_kind(found, wanted, what):
    """Tuples of two kinds may be equal."""
    check((type(found), found), (type(wanted), wanted), what)


def capability_slots_refused(vectors):
    for one in vectors:
        if "text" in one:
            refused(one["fault"], cairn.parse_capability, one["text"])
        else:
            refused(one["fault"], cairn.unpack, unhex(one["packed"]))


def slot_keys(vectors):
    names = {"childWriteKey": "child_write_key", "storageIndex": "storage_index", "signingSeed": "signing_seed"}
    for one in vectors:
        found = cairn.slot_keys(unhex(one["seed"]))._asdict()
        for name in set(one) - {"seed"}:
            field = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), names.get(name, name))
            check(found.pop(field).hex(), one[name], name)
        check(found, {}, "keys that the vector lacks")


def secret_box(vectors):
    for one in vectors:
        key, context, content, given = (unhex(one[name]) for name in ("key", "context", "content", "box"))
        check(cairn.box(key, context, content), given, f"box of {len(content)} in {len(context)}")
        check(cairn.open_box(key, context, given), content, f"open box of {len(content)} in {len(context)}")


def secret_box_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.open_box, unhex(one["key"]), unhex(one["context"]), unhex(one["box"]))


def slot_record(vectors):
    records = []
    for one in vectors:
        seed, sequence = unhex(one["seed"]), one["sequence"]
        what = f"record {sequence}"
        write = cairn.Slot(seed)
        read = cairn.attenuate(write)
        verify = cairn.attenuate(read)
        links, body = unhex(one["links"]), unhex(one["body"])
        data = cairn.make_record(seed, sequence, unhex(one["previous"]), links, body)
        check(data.hex(), one["record"], what)
        record = cairn.parse_record(unhex(one["record"]), unhex(one["publicKey"]))
        check(record.sequence, sequence, f"{what}: sequence")
        check(record.hash().hex(), one["hash"], f"{what}: hash")
        check(record.previous, records[-1].hash() if records else bytes(32), f"{what}: previous")
        check(cairn.open_links(verify, record), links, f"{what}: links")
        check(cairn.open_body(read, record), body, f"{what}: body")
        records.append(record)
        check(cairn.record_that_holds(records[::-1] + records), (record, False), f"{what} holds")


def slot_record_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.parse_record, unhex(one["record"]), unhex(one["publicKey"]))


def slot_value(vectors):
    for one in vectors:
        given = unhex(one["value"]) if "value" in one else cairn.parse_capability(one["file"])
        links, body = cairn.slot_value(given)
        check((links.hex(), body.hex()), (one["links"], one["body"]), "value")
        check_kind(cairn.parse_slot_value(unhex(one["body"])), given, "parse value")
        children = cairn.parse_links(unhex(one["links"])).children
        check(children, () if "value" in one else (cairn.attenuate(given),), "links of a value")


def slot_value_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.parse_slot_value, unhex(one["body"]))


def entry_of(fields, key):
    """An entry of a vector, in which the write capability is not sealed."""
    if "removed" in fields:
        check(fields["removed"], True, "removed")
        return cairn.Entry(fields["name"])
    read = cairn.parse_capability(fields["read"])
    write = cairn.parse_capability(fields["write"]) if "write" in fields else None
    user = None
    if "user" in fields:
        user = {name: unhex(one["bytes"]) if isinstance(one, Fields) else one for name, one in fields["user"]}
    size, mtime = (fields[name] if name in fields else None for name in ("size", "mtime"))
    return cairn.Entry(fields["name"], read, write and cairn.seal_write(key, write), size, mtime, user)


def node_of(fields):
    """A node of a vector, its childWriteKey, and its write capabilities."""
    key = unhex(fields["childWriteKey"])
    entries = tuple(entry_of(one, key) for one in fields["entries"])
    nodes = tuple(map(cairn.parse_capability, fields["nodes"]))
    return cairn.Node(entries, tuple(fields["starts"]), nodes), key


def check_node(one):
    node, key = node_of(one)
    links, body = cairn.encode_node(node)
    check((links.hex(), body.hex()), (one["links"], one["body"]), "node")
    parsed = cairn.parse_node(unhex(one["links"]), unhex(one["body"]))
    check(parsed, node, "parse node")
    for entry, fields in zip(parsed.entries, one["entries"]):
        check(cairn.normalized(entry.name), entry.name, "a name in NFC")
        check(entry.write is not None, "write" in fields, "write")
        if entry.write is not None:
            check_kind(cairn.open_write(key, entry), cairn.parse_capability(fields["write"]), "write capability")
    return links, body


def directory_node(vectors):
    for one in vectors:
        check_node(one)


def directory_node_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.parse_node, unhex(one["links"]), unhex(one["body"]))


def directory_links_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.parse_links, unhex(one["links"]))


def directory_write_refused(vectors):
    for one in vectors:
        entry = cairn.Entry("a", cairn.unpack(unhex(one["read"])), unhex(one["write"]))
        refused(one["fault"], cairn.open_write, unhex(one["childWriteKey"]), entry)


def node_file(vectors):
    for one in vectors:
        key, links, body, data = (unhex(one[name]) for name in ("bodyKey", "links", "body", "file"))
        check(cairn.make_node_file(key, links, body), data, "node file")
        found, sealed = cairn.parse_node_file(data)
        check((found, cairn.open_box(key, b"", sealed)), (links, body), "parse node file")
        check(len(cairn.parse_node(links, body).entries) > 0, True, "the node in it")


def node_file_refused(vectors):
    def read(key, data):
        links, sealed = cairn.parse_node_file(data)
        cairn.parse_node(links, cairn.open_box(key, b"", sealed))

    for one in vectors:
        refused(one["fault"], read, unhex(one["bodyKey"]), unhex(one["file"]))


def directory_tree(vector):
    read_key, encoding = unhex(vector["readKey"]), encoding_of(vector["encoding"])
    check(cairn.derive(read_key, "verifyKey").hex(), vector["verifyKey"], "verifyKey")
    check(cairn.body_key(read_key).hex(), vector["bodyKey"], "bodyKey")
    check_node(vector["node"])
    node, _ = node_of(vector["node"])
    tree, content, shares = cairn.write_tree(read_key, node, encoding)
    check(content.hex(), vector["content"], "content")
    check(cairn.format_capability(tree), vector["capability"], "capability")
    check([share.hex() for share in shares], [one["bytes"] for one in vector["shares"]], "shares")
    verify = cairn.parse_capability(vector["verifyCapability"])
    check_kind(cairn.attenuate(tree), verify, "verifyCapability")
    # What a verifier does with its capability alone: it repairs the file, and sees links.
    carrier = cairn.carrier_of_tree(verify)
    check(cairn.format_capability(carrier), vector["carrier"], "carrier")
    check(cairn.format_capability(cairn.attenuate(carrier)), vector["carrierVerify"], "carrierVerify")
    stored = [unhex(one["bytes"]) for one in vector["shares"]]
    check(cairn.repair_file(cairn.attenuate(carrier), stored[1:]), stored, "repair")
    found = cairn.read_file(carrier, stored[-encoding.k :])
    check(found, content, "read by a verifier")
    links, sealed = cairn.parse_node_file(found)
    check(len(cairn.parse_links(links).children) > 0, True, "links for a verifier")
    for key in (verify.verify_key, cairn.body_key(verify.verify_key), cairn.derive(verify.verify_key, "linksKey")):
        refused("the body for a verifier", cairn.open_box, key, b"", sealed)
    for name in (entry.name.encode() for entry in node.entries if len(entry.name) > 3):
        check(name in found, False, "a name that a verifier sees")
    check(cairn.read_node(cairn.parse_capability(vector["capability"]), found), node, "read by a reader")


def capability_refused(vectors):
    reasons = {
        "one letter changed": "checksum",
        "upper case": "scheme",
        "upper case in the body": "base32",
        "cut short": "base32",
        "trailing space": "base32",
        "another kind": "checksum",
        "reserved kind": "checksum",
        "unknown kind": "unknown kind",
        "version 2": "version 1, found 2",
        "body of 63 bytes": "found 63",
        "literal of 65 bytes": "found 65",
        "no payload": "at least 5 bytes, found 4",
    }
    check([one["fault"] for one in vectors], list(reasons), "faults")
    for one in vectors:
        try:
            cairn.parse_capability(one["text"])
            message = "taken"
        except Refused as error:
            message = str(error)
        check(reasons[one["fault"]] in message, True, f"{one['fault']}: refused for it ({message})")
        check(one["text"].split(":")[-1][:8] in message, False, f"{one['fault']}: the message repeats the text")


def segment(vectors):
    for one in vectors:
        key, i, last = unhex(one["encryptionKey"]), one["segmentIndex"], one["isLast"]
        check(cairn.seal(key, i, last, unhex(one["plaintext"])).hex(), one["sealed"], f"seal {i}")
        check(cairn.unseal(key, i, last, unhex(one["sealed"])).hex(), one["plaintext"], f"open {i}")
        refused(f"{i} under the other nonce", cairn.unseal, key, i, not last, unhex(one["sealed"]))


def erasure_matrix(vectors):
    for one in vectors:
        k, n, recovery = one["k"], one["n"], one["recovery"]
        check(recovery["from"], f"the last {k} blocks, in order", "from")
        last = range(n - k, n)
        wanted = [i for i in range(k) if i not in last]
        check(recovery["wanted"], wanted, f"{k} of {n} wanted")
        rows = {
            "parityRows": ([cairn.weights(i, range(k)) for i in range(k, n)], one["parityRows"]),
            "recovery": ([cairn.weights(w, last) for w in wanted], recovery["rows"]),
        }
        for what, (found, expected) in rows.items():
            if isinstance(expected, Fields):
                check(sha256(b"".join(found)).hex(), expected["sha256OfRowsInOrder"], f"{k} of {n} {what}")
            else:
                check([row.hex() for row in found], expected, f"{k} of {n} {what}")


def erasure_blocks(vectors):
    for one in vectors:
        k, n, layout, size = one["k"], one["n"], one["layout"], one["blockSize"]
        what = f"{k} of {n}, layout {layout}"
        Encoding(k, n, one["matrix"], layout, 1024).check()
        data = [pattern_of(one["data"], i=i) for i in range(k)]
        check({len(block) for block in data}, {size}, f"{what}: block size")
        parity = cairn.parity(data, n, layout)
        check(len(parity), len(one["parity"]), f"{what}: count")
        for i, (found, wanted) in enumerate(zip(parity, one["parity"])):
            check_digest(found, wanted, f"{what}: block {k + i}")
        blocks = dict(enumerate(data + parity))
        last = {i: blocks[i] for i in range(n - k, n)}
        check(cairn.rebuild(last, range(k), layout), data, f"{what}: data from the last {k} blocks")


def tree(vector):
    block = pattern_of(vector["block"])
    check(cairn.block_leaf(block).hex(), vector["blockLeaf"], "blockLeaf")
    check(cairn.sealed_leaf(block).hex(), vector["sealedLeaf"], "sealedLeaf of the same bytes")
    trees = vector["trees"]
    leaves = [pattern_of(vector["leaves"], i=i) for i in range(max(one["leafCount"] for one in trees))]
    check(cairn.node(leaves[0], leaves[1]).hex(), vector["node"], "node of the first two leaves")
    for one in trees:
        count = one["leafCount"]
        root = cairn.tree_root(leaves[:count])
        check(root.hex(), one["root"], f"{count} leaves: root")
        proofs = [cairn.proof(leaves[:count], i) for i in range(count)]
        check([given.hex() for given in proofs], one["proofs"], f"{count} leaves: proofs")
        for i, text in enumerate(one["proofs"]):
            cairn.check_proof(unhex(one["root"]), count, i, leaves[i], unhex(text))


def manifest(vector):
    given = Manifest(
        encoding_of(vector["encoding"]),
        vector["fileSize"],
        unhex(vector["storageIndex"]),
        unhex(vector["sealedRoot"]),
        tuple(map(unhex, vector["shareRoots"])),
    )
    check(given.to_bytes().hex(), vector["bytes"], "bytes")
    check(given.root().hex(), vector["root"], "root")
    check(cairn.parse_manifest(unhex(vector["bytes"])), given, "parse")


def file(vectors):
    for one in vectors:
        encoding, content = encoding_of(one["encoding"]), pattern_of(one["content"])
        what = f"{one['content']}, {encoding.k} of {encoding.n}"
        given, shares = cairn.write_file(content, unhex(one["readKey"]), encoding)
        verify = cairn.attenuate(given)
        check(cairn.format_capability(given), one["capability"], f"{what}: capability")
        check(cairn.format_capability(verify), one["verifyCapability"], f"{what}: verifyCapability")
        check(len(shares), len(one["shares"]), f"{what}: count of shares")
        for j, (found, fields) in enumerate(zip(shares, one["shares"])):
            check_digest(found, fields["bytes"] if "bytes" in fields else fields, f"{what}: share {j}")
        stored = [unhex(fields["bytes"]) for fields in one["shares"] if "bytes" in fields] or shares
        for j, data in enumerate(stored):
            check(cairn.parse_share(data, verify, j).number, j, f"{what}: parse share {j}")
        read = cairn.parse_capability(one["capability"])
        check(cairn.read_file(read, stored[-encoding.k :]), content, f"{what}: read from the last shares")
        check(cairn.repair_file(verify, stored[-encoding.k :]), shares, f"{what}: repair from the last shares")


def file_shapes(vectors):
    file(vectors)


def base32_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.base32_decode, one["text"])


def segment_refused(vectors):
    for one in vectors:
        key, i, last = unhex(one["encryptionKey"]), one["segmentIndex"], one["isLast"]
        refused(one["fault"], cairn.unseal, key, i, last, unhex(one["sealed"]))


def proof_refused(vectors):
    for one in vectors:
        root, leaf, count = unhex(one["root"]), unhex(one["leaf"]), one["leafCount"]
        refused(one["fault"], cairn.check_proof, root, count, one["leafIndex"], leaf, unhex(one["proof"]))


def manifest_refused(vectors):
    for one in vectors:
        refused(one["fault"], cairn.parse_manifest, unhex(one["bytes"]))


def share_refused(vectors):
    for one in vectors:
        verify = cairn.parse_capability(one["verifyCapability"])
        refused(one["fault"], cairn.parse_share, unhex(one["bytes"]), verify, one["shareNumber"])


# Properties ----------------------------------------------------------------------------------------------------------


def flip(rng, data, at):
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


def property_worked_examples(rng):
    """The numbers in the text of §1 to §6."""
    check(cairn.base32_decode("aa"), b"\0", "base32 aa")
    for text in ("a", "ab", "aaa", "AA", "aa======", "a1", "a ", "aa\n", "abcdef", "zz"):
        refused(f"base32 {text!r}", cairn.base32_decode, text)
    for a, b, product in ((0x02, 0x80, 0x1D), (0x03, 0x41, 0xC3), (0x53, 0xCA, 0x8F), (0x03, 0xF4, 0x01)):
        check(cairn.times(a, b), product, f"{a:02x} * {b:02x}")
    data = [b"\x41", b"\x80"]
    check(cairn.parity(data, 3, BYTES), [b"\xde"], "6.5 parity")
    check(cairn.rebuild({1: b"\x80", 2: b"\xde"}, [0], BYTES), [b"\x41"], "6.5 rebuilt")
    a, b = bytearray(512), bytearray(512)
    a[::64] = unhex("0102040810204080")
    b[7 * 64] = 0xFF
    (p,) = cairn.parity([bytes(a), bytes(b)], 3, BITS)
    check(p[::64].hex(), "7e0379736730" + "60c0", "6.5 strips")
    check(symbols(p, BITS)[:8].hex(), "1e1b11052d7ddd80", "6.5 symbols")


def symbols(block, layout):
    """§6.3 to the letter: the symbols of a block, one in a byte."""
    if layout == BYTES:
        return block
    return bytes(
        sum((block[g + 64 * b + s // 8] >> s % 8 & 1) << b for b in range(8))
        for g in range(0, len(block), 512)
        for s in range(512)
    )


def property_matrix(rng):
    """G by the products of §6.2 one by one; and G times the first k rows of V is V, as the libraries define it."""
    inverse = [0] + [next(b for b in range(256) if cairn.times(a, b) == 1) for a in range(1, 256)]
    for k, n in ((1, 4), (2, 3), (5, 9), (7, 31), (12, 255)):
        rows = [cairn.weights(i, range(k)) for i in range(n)]
        for i in range(n):
            for c in range(k):
                g = 1
                for j in range(k):
                    if j != c:
                        g = cairn.times(g, cairn.times(i ^ j, inverse[c ^ j]))
                check(rows[i][c], g, f"G({i}, {c}) of {k}")
        power = [[1] * n]
        for c in range(1, k):
            power.append([cairn.times(power[-1][i], i) for i in range(n)])
        for i in range(n):
            for c in range(k):
                total = 0
                for j in range(k):
                    total ^= cairn.PRODUCTS[rows[i][j]][power[c][j]]
                check(total, power[c][i], f"V({i}, {c}) of {k}")


def property_any_k_of_n(rng):
    for k, n, layout in itertools.product((1, 2, 3, 4), (4, 6), (BYTES, BITS)):
        data = [rng.randbytes(512) for _ in range(k)]
        blocks = dict(enumerate(data + cairn.parity(data, n, layout)))
        for some in itertools.combinations(range(n), k):
            found = cairn.rebuild({i: blocks[i] for i in some}, range(n), layout)
            check(found, list(blocks.values()), f"{some} of {n}, layout {layout}")
    for _ in range(60):
        k = rng.randrange(1, 40)
        n = rng.randrange(k, min(255, 2 * k + 3))
        layout = rng.choice((BYTES, BITS))
        size = rng.randrange(1, 90) if layout == BYTES else 512 * rng.randrange(1, 4)
        data = [rng.randbytes(size) for _ in range(k)]
        blocks = dict(enumerate(data + cairn.parity(data, n, layout)))
        some = rng.sample(range(n), k)
        found = cairn.rebuild({i: blocks[i] for i in some}, range(n), layout)
        check(found, list(blocks.values()), f"{k} of {n}, layout {layout}")
        # The two layouts are one code: symbols of the parity are the parity of the symbols.
        by_symbols = cairn.parity([symbols(block, layout) for block in data], n, BYTES)
        check([symbols(blocks[i], layout) for i in range(k, n)], by_symbols, f"{k} of {n}, symbols")


def property_capabilities(rng):
    for size in range(65):
        given = Literal(rng.randbytes(size))
        check(cairn.parse_capability(cairn.format_capability(given)), given, f"literal of {size}")
    refused("literal of 65", cairn.format_capability, Literal(bytes(65)))
    given = File(rng.randbytes(32), rng.randbytes(32))
    for one in (given, cairn.attenuate(given), Literal(rng.randbytes(20)), Literal(b"")):
        text = cairn.format_capability(one)
        check(cairn.parse_capability(text), one, "round trip")
        for at in range(len(text)):
            for other in rng.sample([c for c in "abcdefghijklmnopqrstuvwxyz234567:-A=0 \n\u0131" if c != text[at]], 5):
                refused(f"{other!r} at {at}", cairn.parse_capability, text[:at] + other + text[at + 1 :])
            refused(f"cut at {at}", cairn.parse_capability, text[:at])
            refused(f"without {at}", cairn.parse_capability, text[:at] + text[at + 1 :])
        for wrong in (text + "a", text + ":", "x" + text, " " + text, text.upper(), text + "\n", text + "=" * 200):
            refused("more text", cairn.parse_capability, wrong)
    refused("a verify capability that reads", cairn.read_file, cairn.attenuate(given), [])


def property_trees(rng):
    def rfc9162(leaves):
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return cairn.node(rfc9162(leaves[:split]), rfc9162(leaves[split:]))

    refused("no leaves", cairn.tree_root, [])
    check(len(cairn.tree_bytes([bytes(32)] * 5)), 352, "bytes of 5 leaves")
    for count in range(1, 34):
        leaves = [rng.randbytes(32) for _ in range(count)]
        root = cairn.tree_root(leaves)
        check(root, rfc9162(leaves), f"RFC 9162 root of {count}")
        check(len(cairn.tree_bytes(leaves)), 32 * sum(cairn.level_sizes(count)), f"size of {count}")
        for i in range(count):
            proof = cairn.proof(leaves, i)
            cairn.check_proof(root, count, i, leaves[i], proof)
            for wrong in (proof[:-32] if proof else bytes(32), proof + bytes(32), proof + b"\0"):
                refused(f"length of proof {i} of {count}", cairn.check_proof, root, count, i, leaves[i], wrong)
            if proof:
                wrong = flip(rng, proof, rng.randrange(len(proof)))
                refused(f"proof {i} of {count}", cairn.check_proof, root, count, i, leaves[i], wrong)
            refused(f"leaf {i} of {count}", cairn.check_proof, root, count, i, flip(rng, leaves[i], 5), proof)
            refused(f"{i} outside {count}", cairn.check_proof, root, count, i + count, leaves[i], proof)


def property_manifests(rng):
    roots = tuple(rng.randbytes(32) for _ in range(255))
    given = Manifest(Encoding(3, 10, 1, 2, 1024), 123456, roots[0], roots[1], roots[:10])
    data = given.to_bytes()
    check(cairn.parse_manifest(data), given, "round trip")
    for size in (*range(len(data)), len(data) + 1, len(data) + 32):
        refused(f"{size} bytes", cairn.parse_manifest, (data + bytes(32))[:size])
    for at in range(len(data)):
        check(cairn.manifest_root(flip(rng, data, at)) == given.root(), False, f"root with another byte {at}")
    for at, value in ((0, "00"), (0, "02"), (1, "00"), (1, "0b"), (2, "00"), (2, "02"), (2, "0b"), (3, "00"), (3, "02"),
                      (4, "00"), (4, "03"), (5, "000003ff"), (5, "00400001"), (5, "00000000"), (9, "ff" * 8),
                      (9, "0020000000000000"), (9, "0000000400000001")):
        wrong = data[:at] + unhex(value) + data[at + len(value) // 2 :]
        refused(f"{value} at {at}", cairn.parse_manifest, wrong)
    for at, value in ((5, "00400000"), (5, "00000401"), (9, "0000000400000000"), (9, "00" * 8), (1, "0a")):
        right = data[:at] + unhex(value) + data[at + len(value) // 2 :]
        check(cairn.parse_manifest(right).to_bytes(), right, f"{value} at {at}")
    largest = Manifest(Encoding(255, 255, 1, 1, 4194304), 2**46, roots[0], roots[1], roots)
    check(cairn.parse_manifest(largest.to_bytes()), largest, "the largest")
    check(len(largest.to_bytes()), 8241, "size of the largest")


def property_files(rng):
    sizes = (0, 1, 1023, 1024, 1025, 2048, 3000)
    for file_size, layout in itertools.product(sizes, (BYTES, BITS)):
        k = rng.randrange(1, 6)
        n = rng.randrange(k + 1, k + 5)
        encoding = Encoding(k, n, 1, layout, rng.choice((1024, 1025, 1500)))
        content = rng.randbytes(file_size)
        given, shares = cairn.write_file(content, rng.randbytes(32), encoding)
        verify = cairn.attenuate(given)
        what = f"{file_size} bytes, {k} of {n}, layout {layout}"
        for _ in range(4):
            chosen = rng.sample(shares, k)
            check(cairn.read_file(given, chosen), content, what)
            bad = [flip(rng, share, rng.randrange(len(share))) for share in shares if share not in chosen]
            mixed = rng.sample(chosen + bad, len(chosen) + len(bad))
            check(cairn.read_file(given, mixed), content, f"{what}, others damaged")
        check(cairn.repair_file(verify, chosen), shares, f"{what}, repair")
        refused(f"{what}, too few", cairn.read_file, given, chosen[1:])
        stranger = FileVerify(rng.randbytes(32), verify.root)
        refused(f"{what}, another index", cairn.parse_share, shares[0], stranger)
        refused(f"{what}, another root", cairn.parse_share, shares[0], FileVerify(verify.storage_index, bytes(32)))
        refused(f"{what}, another number", cairn.parse_share, shares[0], verify, 1)
        for size in (0, 8, 23, 24, len(shares[0]) - 1):
            refused(f"{what}, {size} bytes", cairn.parse_share, shares[0][:size], verify)


def property_flipped_bytes(rng):
    """Each byte of a share file counts, and each of a sealed segment."""
    for layout, count in ((BYTES, 1), (BYTES, 3), (BITS, 1)):
        given, shares = cairn.write_file(rng.randbytes(count * 1024 - 100), rng.randbytes(32),
                                         Encoding(3, 5, 1, layout, 1024))
        verify = cairn.attenuate(given)
        share = shares[4]
        check(cairn.parse_share(share, verify).number, 4, "share")
        for at in range(len(share)):
            refused(f"share with another byte {at}", cairn.parse_share, flip(rng, share, at), verify)
            refused(f"share without byte {at}", cairn.parse_share, share[:at] + share[at + 1 :], verify)
    key = rng.randbytes(32)
    sealed = cairn.seal(key, 3, False, rng.randbytes(100))
    for at in range(len(sealed)):
        refused(f"sealed with another byte {at}", cairn.unseal, key, 3, False, flip(rng, sealed, at))
    refused("sealed as last", cairn.unseal, key, 3, True, sealed)
    refused("sealed as another", cairn.unseal, key, 4, False, sealed)
    refused("sealed, cut short", cairn.unseal, key, 3, False, sealed[:15])


def property_lying_writer(rng):
    """Shares that each verify, but are no codeword: readable only from shares that give the sealed tree."""
    encoding, content, read_key = Encoding(2, 4, 1, BYTES, 1024), rng.randbytes(1500), rng.randbytes(32)
    segments = encoding.cut(content)
    sealed = [cairn.seal(cairn.encryption_key(read_key), i, i == 1, segments[i]) for i in range(2)]
    shares = cairn.code_file(sealed, encoding, len(content))
    shares[3] = (flip(rng, shares[3][0], 9), shares[3][1])
    leaves = [cairn.sealed_leaf(one) for one in sealed]
    roots = tuple(cairn.tree_root([cairn.block_leaf(block) for block in blocks]) for blocks in shares)
    manifest = Manifest(encoding, len(content), cairn.storage_index(read_key), cairn.tree_root(leaves), roots)
    files = [cairn.build_share(j, manifest, blocks, leaves) for j, blocks in enumerate(shares)]
    given = File(read_key, manifest.root())
    for j, data in enumerate(files):
        check(cairn.parse_share(data, cairn.attenuate(given), j).number, j, f"share {j} alone is good")
    check(cairn.read_file(given, files[:3]), content, "from good shares")
    refused("from shares that do not belong together", cairn.read_file, given, files[2:])
    refused("repair that would make another share 3", cairn.repair_file, cairn.attenuate(given), files[:2])


def property_boxes(rng):
    # draft-irtf-cfrg-xchacha-03, 2.2.1
    found = cairn.hchacha20(bytes(range(32)), unhex("000000090000004a0000000031415927"))
    check(found.hex(), "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", "HChaCha20")
    key, whole = rng.randbytes(32), rng.randbytes(60)
    nonces = {cairn.box(key, whole[:cut], whole[cut:])[:24] for cut in range(61)}
    check(len(nonces), 61, "where a context ends counts")
    given = cairn.box(key, b"here", whole)
    check(cairn.open_box(key, b"here", given), whole, "round trip")
    for at in range(len(given)):
        refused(f"box with another byte {at}", cairn.open_box, key, b"here", flip(rng, given, at))
    for key_, context in ((rng.randbytes(32), b"here"), (key, b"there"), (key, b"")):
        refused("another key or context", cairn.open_box, key_, context, given)


def property_records(rng):
    seed = rng.randbytes(32)
    data = cairn.make_record(seed, 1, bytes(32), b"links", b"body")
    for at in range(len(data)):
        refused(f"record with another byte {at}", cairn.parse_record, flip(rng, data, at))
    # Signatures that this implementation verifies by its own arithmetic, and `cryptography` signs.
    limit = cairn.MAX_RECORD - 81 - 64 - 80
    largest = cairn.make_record(seed, 1, bytes(32), b"", bytes(limit))
    check(len(cairn.parse_record(largest).data), 65536, "the largest")
    refused("a byte more", cairn.parse_record, cairn.make_record(seed, 1, bytes(32), b"", bytes(limit + 1)))
    forks = [cairn.parse_record(cairn.make_record(seed, 1, bytes(32), b"", rng.randbytes(8))) for _ in range(4)]
    highest = max(forks, key=lambda record: record.hash())
    check(cairn.record_that_holds(forks), (highest, True), "a fork")


def property_capability_kinds(rng):
    for kind, form in cairn.KINDS.items():
        given = form(*(rng.randbytes(32) for _ in form._fields))
        check_kind(cairn.parse_capability(cairn.format_capability(given)), given, kind)
        packed = cairn.pack(given)
        check_kind(cairn.unpack(packed), given, f"packed {kind}")
        if kind != "lit":
            for wrong in (packed[:-1], packed + b"\0", packed[:1]):
                refused(f"packed {kind} of {len(wrong)}", cairn.unpack, wrong)
    slot = cairn.Slot(rng.randbytes(32))
    refused("verifying leads no further", cairn.attenuate, cairn.attenuate(cairn.attenuate(slot)))


def property_cbor(rng):
    for text in ("a0", "a1616100", "a1616117", "a161611818", "a16161f4", "a16161a0", "a161618101", "a261610061620a"):
        data = unhex(text)
        check(cairn.cbor_encode(cairn.cbor_decode(data)), data, text)
    for text in ("", "80", "a161", "a1616118", "a161611817", "a1616120", "a16161f6", "a16161f90000", "a16161c000",
                 "bfff", "a161619fff", "a2616100616100", "a2616200616100", "a10100", "a16161a100", "a0a0",
                 "a161611b0020000000000000", "a161611b00000000ffffffff", "a16161" + "81" * 8 + "00", "a16161ff"):
        refused(f"CBOR {text}", cairn.cbor_decode, unhex(text))
    check(cairn.cbor_decode(unhex("a16161" + "81" * 7 + "00"))["a"], [[[[[[[0]]]]]]], "8 deep")
    check(cairn.cbor_decode(cairn.cbor_encode({"a": "\ufeffb"})), {"a": "\ufeffb"}, "a byte order mark")


# ---------------------------------------------------------------------------------------------------------------------


def run(name, function, argument):
    passed, failed = Count.passed, Count.failed
    try:
        function(argument)
    except Exception as error:  # a fault here is a failure of this part, and the others still run
        check(f"{type(error).__name__}: {error}", "no error", name)
    if isinstance(argument, (list, Fields)):
        check(unread_fields(argument), set(), f"{name}: fields that were not checked")
    print(f"{name}: {Count.passed - passed} passed, {Count.failed - failed} failed")


def main():
    files = {path.stem: path for path in sorted(VECTORS.iterdir())}
    checkers = (base32, hash, keys, capability, capability_refused, segment, erasure_matrix, erasure_blocks, tree,
                manifest, file, file_shapes, base32_refused, segment_refused, proof_refused, manifest_refused,
                share_refused, hash_slots, capability_slots, capability_slots_refused, slot_keys, secret_box,
                secret_box_refused, slot_record, slot_record_refused, slot_value, slot_value_refused, directory_node,
                directory_node_refused, directory_links_refused, directory_write_refused, node_file,
                node_file_refused, directory_tree, hash_backup, hash_membership,
                hash_writes)
    known = {checker.__name__: checker for checker in checkers} | check_backup.CHECKERS
    check(set(files), set(known), "vector files")
    of_members = {checker.__name__: checker for checker in check_members.CHECKERS}
    member_files = {path.stem: path for path in sorted(check_members.VECTORS.iterdir())}
    check(set(member_files), set(of_members), "vector files of membership")
    known |= of_members
    files |= member_files
    for name, path in files.items():
        if name in known:
            run(path.name, known[name], json.loads(path.read_text(), object_pairs_hook=Fields))
    for name, function in list(globals().items()) + list(check_backup.PROPERTIES.items()):
        if name.startswith("property_"):
            run(name, function, random.Random(f"{SEED} {name}"))
    print(f"{Count.passed} passed, {Count.failed} failed")
    sys.exit(1 if Count.failed else 0)


if __name__ == "__main__":
    main()
