"""Checks of the vectors of membership (test/vectors/membership-v1); check_vectors.py runs them."""

import pathlib

import cairn_members as members
from checking import check, refused, unhex

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "membership-v1"


def member_chain(vectors):
    for one in vectors:
        data = unhex(one["bytes"])
        chain = members.parse_member(data)
        check(members.member_key(chain).hex(), one["rosterKey"], "roster key")
        check(len(chain), len(one["certificates"]), "certificates")
        for found, wanted in zip(chain, one["certificates"]):
            for name in ("grid", "subject", "issuer"):
                check(getattr(found, name).hex(), wanted[name], name)
            for name in ("name", "expires", "invite", "serial"):
                check(getattr(found, name), wanted[name], name)
            check(list(found.roles), wanted["roles"], "roles")
            for name in ("quota", "lifetime"):
                check(getattr(found, name), wanted[name] if name in wanted else None, name)
        for at in range(0, len(data), 7):
            refused(f"another byte {at}", members.parse_member, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def member_chain_refused(vectors):
    for one in vectors:
        refused(one["fault"], members.parse_member, unhex(one["bytes"]))


def expulsion(vectors):
    for one in vectors:
        data = unhex(one["bytes"])
        found = members.parse_expulsion(data)
        for name in ("grid", "subject", "by"):
            check(getattr(found, name).hex(), one[name], name)
        check((found.name, found.at), (one["name"], one["at"]), "name and time")
        check(members.expulsion_key(found).hex(), one["rosterKey"], "roster key")
        for at in range(0, len(data), 7):
            refused(f"another byte {at}", members.parse_expulsion, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def expulsion_refused(vectors):
    for one in vectors:
        refused(one["fault"], members.parse_expulsion, unhex(one["bytes"]))


def invitation(vectors):
    for one in vectors:
        found = members.parse_invitation(one["text"])
        check(members.format_invitation(found), one["text"], "link")
        for name in ("grid", "inviter", "token"):
            check(getattr(found, name).hex(), one[name], name)
        check(list(found.addresses), one["addresses"], "addresses")
        check(members.token_hash(found.token).hex(), one["tokenHash"], "hash of the token")


def invitation_refused(vectors):
    for one in vectors:
        refused(one["fault"], members.parse_invitation, one["text"])


CHECKERS = (member_chain, member_chain_refused, expulsion, expulsion_refused, invitation, invitation_refused)
