"""Certificates, chains, expulsions and links of invitations, written from node/PROTOCOL.md §12 alone."""

from typing import NamedTuple

from cairn_format import (
    H, base32_decode, base32_encode, cbor_decode, cbor_encode, prefix, signature_holds, take_fields, u8,
    utf16_units, want,
)

MAX_CERTIFICATE = 640
MAX_CHAIN = 6
MAX_MEMBER = 3866
MAX_EXPULSION = 4608
MAX_LINK = 1100
LINK = "cairn:invite:"

# §6.1: control, format and line-separating characters, first and last of each run.
HIDDEN = [tuple(int(end, 16) for end in (run.split("-") * 2)[:2]) for run in """
    0000-001F 007F-009F 00AD 0600-0605 061C 06DD 070F 0890-0891 08E2 180E 200B-200F 2028-202E 2060-2064 2066-206F
    FEFF FFF9-FFFB 110BD 110CD 13430-1343F 1BCA0-1BCA3 1D173-1D17A E0001 E0020-E007F""".split()]


class Certificate(NamedTuple):
    grid: bytes
    subject: bytes
    issuer: bytes
    name: str
    roles: tuple
    quota: int | None
    expires: int
    lifetime: int | None
    invite: int
    serial: int


class Expulsion(NamedTuple):
    grid: bytes
    subject: bytes
    by: bytes
    name: str
    at: int


class Invitation(NamedTuple):
    grid: bytes
    inviter: bytes
    addresses: tuple
    token: bytes


def check_name(name):
    want(utf16_units(name) <= 64, "name: wanted at most 64 units")
    for char in name:
        want(not any(first <= ord(char) <= last for first, last in HIDDEN), "name: wanted nothing hidden")


def check_key(data):
    want(len(data) == 32, "wanted a key of 32 bytes")


# §12.1


def parse_certificate(data):
    want(isinstance(data, bytes), "wanted a certificate as a byte string")
    want(len(data) <= MAX_CERTIFICATE, "certificate: too long")
    body, signature = take_fields(cbor_decode(data), body=bytes, signature=bytes)
    version, *fields = take_fields(
        cbor_decode(body), v=int, grid=bytes, subject=bytes, issuer=bytes, name=str, roles=list, quota=[int],
        expires=int, lifetime=[int], invite=int, serial=int)
    found = Certificate(*fields)
    want(version == 1, "certificate: wanted version 1")
    for key in (found.grid, found.subject, found.issuer):
        check_key(key)
    check_name(found.name)
    want(len(found.roles) <= 8, "roles: wanted at most 8")
    for role in found.roles:
        want(isinstance(role, str) and 1 <= len(role) <= 16, "role: wanted 1 to 16 letters")
        want(all("a" <= letter <= "z" for letter in role), "role: wanted letters a to z")
    want(found.roles == sorted(set(found.roles)), "roles: wanted in order, each once")
    want(found.lifetime != 0, "lifetime: wanted at least 1")
    want(signature_holds(found.issuer, prefix("certificate") + body, signature), "certificate: wanted its signature")
    return found._replace(roles=tuple(found.roles))


# §12.2


def check_chain(parts):
    want(1 <= len(parts) <= MAX_CHAIN, "chain: wanted 1 to 6 certificates")
    chain = [parse_certificate(part) for part in parts]
    first = chain[0]
    want(first.issuer == first.grid and first.invite <= MAX_CHAIN - 1, "chain: wanted the founder's first")
    for above, one in zip(chain, chain[1:]):
        want(one.grid == above.grid and one.issuer == above.subject, "chain: wanted what the one above signed")
        want(one.invite < above.invite, "chain: wanted fewer below")
        want(set(one.roles) <= set(above.roles) and one.expires <= above.expires, "chain: wanted no more than above")
        want(above.quota is None or one.quota is not None and one.quota <= above.quota, "chain: wanted no more space")
    return chain


def parse_member(data):
    want(len(data) <= MAX_MEMBER, "member: too long")
    (parts,) = take_fields(cbor_decode(data), chain=list)
    return check_chain(parts)


def member_key(chain):
    return H("rosterMember", chain[-1].subject)


# §12.4


def parse_expulsion(data):
    want(len(data) <= MAX_EXPULSION, "expulsion: too long")
    parts, body, signature = take_fields(cbor_decode(data), chain=list, expulsion=bytes, signature=bytes)
    version, *fields = take_fields(cbor_decode(body), v=int, grid=bytes, subject=bytes, by=bytes, name=str, at=int)
    found = Expulsion(*fields)
    want(version == 1, "expulsion: wanted version 1")
    for key in (found.grid, found.subject, found.by):
        check_key(key)
    check_name(found.name)
    if found.by == found.grid:
        want(not parts, "expulsion: wanted no proof of the founder")
    else:
        chain = check_chain(parts)
        want(chain[-1].subject == found.subject and chain[0].grid == found.grid, "expulsion: wanted its own proof")
        want(found.by in [one.issuer for one in chain[1:]], "expulsion: wanted it signed from above")
    want(signature_holds(found.by, prefix("expulsion") + body, signature), "expulsion: wanted its signature")
    return found


def expulsion_key(expulsion):
    return H("rosterExpulsion", expulsion.subject)


# §12.5


def invitation_checksum(payload):
    return H("invitationChecksum", payload)[:4]


def format_invitation(invitation):
    payload = u8(1) + cbor_encode({**invitation._asdict(), "addresses": list(invitation.addresses)})
    return LINK + base32_encode(payload + invitation_checksum(payload))


def parse_invitation(text):
    want(len(text) <= MAX_LINK and text.startswith(LINK), "link: wanted cairn:invite:")
    data = base32_decode(text[len(LINK):])
    payload = data[:-4]
    want(invitation_checksum(payload) == data[-4:], "link: wanted its checksum")
    want(payload[:1] == u8(1), "link: wanted version 1")
    found = Invitation(*take_fields(cbor_decode(payload[1:]), grid=bytes, inviter=bytes, addresses=list, token=bytes))
    check_key(found.grid)
    check_key(found.inviter)
    want(len(found.token) == 16, "link: wanted a token of 16 bytes")
    want(1 <= len(found.addresses) <= 4, "link: wanted 1 to 4 addresses")
    for address in found.addresses:
        want(isinstance(address, str) and len(address) <= 128, "address: wanted at most 128 characters")
        want(len(address) > 1 and address[0] == "/", "address: wanted a multiaddr")
        want(all("!" <= char <= "~" for char in address) and "/p2p/" not in address, "address: wanted no peer id")
    return found._replace(addresses=tuple(found.addresses))


def token_hash(token):
    return H("invitationToken", token)


