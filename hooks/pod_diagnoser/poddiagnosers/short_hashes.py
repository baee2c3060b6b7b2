"""Short hashes, by which a status or an annotation remembers many names or uids. Pure."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Final

HASH_BYTES: Final = 6
"""How many bytes of a SHA-256 are kept where nothing else is said: 8 characters."""


def short_hash(text: str, size: int = HASH_BYTES) -> str:
    """Return the start of a text's SHA-256.

    Args:
        text: the text.
        size: how many bytes of it; a multiple of three, each of which takes four characters.
    """
    return encode_hash(hashlib.sha256(text.encode()).digest()[:size])


def encode_hash(shortened: bytes) -> str:
    """Return a hash as it is stored, in URL-safe base64."""
    return urlsafe_b64encode(shortened).decode()
