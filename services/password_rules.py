"""What a password must hold, and the form in which it is hashed.

Passwords are counted and hashed in Unicode normalization form C, so that one typed on
another keyboard is the same password. No error here carries any part of a password.
"""

import unicodedata

from services.errors import InvalidInput

MIN_PASSWORD_CODE_POINTS = 8
MAX_PASSWORD_BYTES = 1024
PASSWORD_RULES = (
    f"A password has at least {MIN_PASSWORD_CODE_POINTS} characters, among them a number, "
    "a lower-case letter, an upper-case letter and one that is neither letter nor number; "
    f"it has at most {MAX_PASSWORD_BYTES} bytes of UTF-8 and is not a well-known one."
)

# Written the way people try to be clever, so that one entry stands for all its disguises.
_LEET = str.maketrans("0134578@$!|+", "oieastbasiit")

# Refused with any digits and symbols around them, if nothing else is in the password.
_WORST_WORDS = """
password passwort passwords mypassword motdepasse contrasena senha wachtwoord parola
passphrase passwordpassword newpassword yourpassword thepassword ilopassword qwerty
qwertz azerty qwertyuiop qwertyui qwertzuiop qwert asdfgh asdfghjkl asdfasdf zxcvbn
zxcvbnm abcdef abcdefg abcdefgh qazwsx qazwsxedc admin administrator adminadmin
superadmin sysadmin superuser default guest welcome welcometo letmein changeme changeit
secret topsecret mysecret access login logmein master monkey dragon shadow superman
batman pokemon starwars football baseball basketball soccer hockey liverpool chelsea
arsenal iloveyou ilovejesus iloveu loveyou lovely princess sunshine flower trustno
michael jennifer jordan charlie daniel thomas jessica ashley andrew michelle computer
internet samsung google facebook linkedin microsoft windows iphone hello helloworld
testing tester testtest example sample temporary temppass company corporate server
oracle cisco juniper raspberry ubuntu spring summer autumn winter monday friday january
december cheese cookie chocolate whatever freedom killer hunter ranger buster
"""

# Refused with symbols around them; digits count here.
_WORST_STRINGS = """
pass123 pass1234 pass12345 test123 test1234 test12345 user1234 root1234 temp1234 abc123
abc1234 abc12345 abcd123 abcd1234 abcd12345 a1b2c3d4 a1b2c3d4e5 aa123456 aa1234567
aa12345678 a123456 a1234567 a12345678 a123456789 ab123456 1q2w3e4r 1q2w3e4r5t
1q2w3e4r5t6y q1w2e3r4 q1w2e3r4t5 qwe123 qweasd123 qweqwe123 1qaz2wsx 1qaz@wsx !qaz2wsx
1qazxsw2 1qaz!qaz zaq12wsx zaq1@wsx zaq1xsw2 zaq!2wsx 2wsx3edc 1qaz2wsx3edc asd123
asdf123 asdf1234 asdf12345 zxc123 zxcv1234 qwer1234 qwer12345 123qwe 123qweasd 1234qwer
12345qwert 123abc 1234abcd trustno1 ncc1701 r2d2c3po login123 love1234 baby1234
"""

# The longest disguise that is looked through; a longer password is none of the worst.
_MAX_DISGUISE_CODE_POINTS = 32


def prepare_password(password: str, pointer: str = "/password") -> str:
    """Return the form of a new ``password`` that is to be hashed.

    A character is a code point after normalization. Neither letter nor number is every
    category but L*, N* and M*: punctuation, symbols, emoji and spaces count, a combining
    mark does not, being part of the letter before it.

    Raises:
        InvalidInput: at ``pointer``; ``rule`` is ``too-big`` (before any other work),
            ``unicode`` (half a surrogate pair), ``password-rules`` (``detail`` lists all
            that are unmet) or ``well-known``.
    """
    form = login_form(password, pointer)
    if form is None:
        raise InvalidInput(pointer, "unicode", "a password is valid Unicode")
    unmet = _unmet_rules(form)
    if unmet:
        raise InvalidInput(pointer, "password-rules", f"the password lacks {', '.join(unmet)}")
    if _is_well_known(form):
        raise InvalidInput(pointer, "well-known", "a password is not one of the most guessed ones")
    return form


def login_form(password: str, pointer: str = "/password") -> str | None:
    """Return the form of ``password`` that may have been hashed; None if none can have been.

    None (half a surrogate pair, which no encoding can hold) is a wrong password and is to
    cost the same work as one.

    Raises:
        InvalidInput: at ``pointer``, rule ``too-big``: more than 1024 bytes of UTF-8.
    """
    # Half pairs count three bytes each: they are no way around the limit.
    if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES:
        raise InvalidInput(
            pointer, "too-big", f"a password has at most {MAX_PASSWORD_BYTES} bytes of UTF-8"
        )
    if any("\ud800" <= character <= "\udfff" for character in password):
        return None
    return unicodedata.normalize("NFC", password)


def _unmet_rules(form: str) -> list[str]:
    categories = {unicodedata.category(character) for character in form}
    has_other = any(category[0] not in "LNM" for category in categories)
    rules = (
        (
            len(form) >= MIN_PASSWORD_CODE_POINTS,
            f"the length of {MIN_PASSWORD_CODE_POINTS} characters",
        ),
        ("Nd" in categories, "a number"),
        ("Ll" in categories, "a lower-case letter"),
        ("Lu" in categories, "an upper-case letter"),
        (has_other, "a character that is neither letter nor number"),
    )
    return [rule for is_met, rule in rules if not is_met]


def _undisguise(text: str) -> str:
    return text.casefold().translate(_LEET)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text))


def _without_edge_symbols(text: str) -> str:
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return text[start:end]


_WORST_LETTERS = frozenset(_letters(_undisguise(word)) for word in _WORST_WORDS.split())
_WORST_WHOLE = frozenset(
    _undisguise(text) for entry in _WORST_STRINGS.split() for text in (entry, entry.lstrip("!"))
)


def _is_well_known(form: str) -> bool:
    """Whether ``form``, which holds a letter, is one of the worst in some disguise."""
    if len(form) > _MAX_DISGUISE_CODE_POINTS:
        return False
    if {_undisguise(form), _undisguise(_without_edge_symbols(form))} & _WORST_WHOLE:
        return True
    # Digits and symbols at the edges are decoration or disguise ("Pa$$word1!", "$ecret12"):
    # try every way to cut them.
    is_letter = [character.isalpha() for character in form]
    first = is_letter.index(True)
    last = len(form) - is_letter[::-1].index(True)
    return any(
        _letters(_undisguise(form[start:end])) in _WORST_LETTERS
        for start in range(first + 1)
        for end in range(last, len(form) + 1)
    )
