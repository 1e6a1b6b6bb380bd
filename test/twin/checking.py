"""What the checks of vectors share: counting, refusals, and fields that nobody looked at."""

from cairn_format import Refused

unhex = bytes.fromhex


class Count:
    passed = failed = 0


def check(found, wanted, what):
    if found == wanted:
        Count.passed += 1
    else:
        Count.failed += 1
        print(f"  FAILED {what}: found {str(found)[:80]}, wanted {str(wanted)[:80]}")


def refused(what, function, *arguments):
    """Passes where the function refuses, and not where it fails in another way."""
    try:
        function(*arguments)
        check("taken", "refused", what)
    except Refused:
        check(True, True, what)


class Fields(dict):
    """An object of a vector that remembers which of its fields were looked at."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.unread = set(self)

    def __getitem__(self, key):
        self.unread.discard(key)
        return super().__getitem__(key)


def unread_fields(value):
    if isinstance(value, list):
        return set().union(*map(unread_fields, value))
    if isinstance(value, Fields):
        return value.unread.union(*map(unread_fields, value.values()))
    return set()
