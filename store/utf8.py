"""How long a text is where it is stored."""


def utf8_bytes(text: str) -> int:
    """Return the length of the text in UTF-8; half a surrogate pair, which has none, counts 3."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
