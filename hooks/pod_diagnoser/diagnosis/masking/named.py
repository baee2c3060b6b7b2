"""Secrets by their name: `PASSWORD=…`, `"token": "…"`, `--password …`, the password is ….

In the notation of every language, in dumps of objects, XML and sentences, escaped for JSON, HTML
and URLs. Whether a name is a secret's and a value is one is judged by `judging`.
"""

import re
from typing import Final

from pod_diagnoser.diagnosis.masking.compiling import compile_pattern
from pod_diagnoser.diagnosis.masking.judging import (
    NameKind,
    is_secret_value,
    is_strong,
    kind_of_name,
)
from pod_diagnoser.diagnosis.masking.rule import QUOTED, VALUE, Found, OwnRule, unquoted

_WORDS: Final = (
    r"(?:pass|pwd|pw|secret|token|cred|key|psk|sess(?:ion)?[-_.]?id|conn(?:ection)?[-_.]?str|otp|"
    r"one[-_.]?time|mnemonic|phrase|pin|sig|auth|jwt|salt|pepper|hmac|cv[vc]|masterauth)"
)
_NAME_HINTS: Final = (
    "(?i)pass|pwd|secret|token|cred",
    "(?i)key|psk|auth|phrase|mnemonic",
    r"(?i)sess(?:ion)?[-_.]?id|conn(?:ection)?[-_.]?str|one[-_.]?time",
    r"(?i)(?:pw|pin|otp|sig|signature|jwt|salt|pepper|hmac|cv[vc])[\"'\\\]\s:=%&-]",
)

_NAME: Final = (
    rf"((?:(?:api|access|private|secret|shared|account|master|encryption|licen[sc]e|signing|root) key)|secret id|"
    rf"[\w.$-]*{_WORDS}[\w.\[\]-]*)"
)
_QUOTE_CODE: Final = r"(?:%22|%27|&quot;|&#3[49];|&apos;|\\u0022|\\u0027)"
"""A quotation mark as URLs, HTML and JSON escape it."""

_IS: Final = (
    rf"([\"'`\\\])]*(?::(?:protected|private)\]?)?{_QUOTE_CODE}?\s*(?:=>|:=|={{1,3}}|::?|->|→|：|＝|%(?:25)?3[da]|\\u003[da]|&#61;|=&gt;)"
    rf"\s*(?:[|>][+-]?[ \t]*\n\s*)?{_QUOTE_CODE}?)"
)
"""What is between a name and its value."""

_LINE_OF_CODE: Final = re.compile(r"\.[a-z]{1,5}$")
_FAILED_VERB: Final = compile_pattern(
    r"(?i)\b(?:fail\w*|unable|could(?: not|n't)|cannot|can't|invalid|unexpected|bad|wrong|expired|"
    r"illegal|malformed|unknown|missing|no|verify|validate|parse|decode|construct|update|refresh|"
    r"renew|retrieve|fetch|(?:creat|delet|updat|sync|watch|mount|load|patch|reconcil|rotat|copy|us|"
    r"remov|process|resolv|verify|validat|pars|decod|refresh|renew|retriev|fetch)(?:ing|ed|s))"
    r"(?:\s+[\w\"'./-]+){0,3}\s+$"
)
"""What before a name says that a message follows it, not its value."""

_REFERENCE: Final = re.compile(r"[a-z][a-z0-9-]{0,62}/[a-z][a-z0-9.-]{0,252}")
"""An object of Kubernetes: namespace and name."""

_ARN: Final = re.compile(r"\barn:[\w:-]*$")
_TAG: Final = re.compile(r"(?:v?\d+(?:\.\d+)*[\w.-]*|latest|stable|main|edge)[\"',;:)]*")
_PORT: Final = re.compile(r"\d{2,5}\b(?!\.\d)")


_PIN: Final = re.compile(r"\d{4,8}")

_LONG: Final = 16
"""With so many characters a word is no longer one of a language."""


def _is_named_secret(found: Found) -> bool:
    name, between, value = found.groups
    kind = kind_of_name(name)
    if kind is NameKind.OTHER or (between == ":" and _is_place(found, name, value)):
        return False
    content = unquoted(value)
    bare = value if content is None else content
    after = found.after
    if "\n" in between and content is None and (after.strip() or not is_strong(value)):
        return False
    # failed to fetch token: …
    is_doubtful = between[-1:].isspace() and _FAILED_VERB.search(found.before.encode()) is not None
    if (kind is NameKind.HINT or " " in name or is_doubtful) and not _looks_like_one(bare):
        return False
    if (is_doubtful and _KUBERNETES_NAME.fullmatch(bare)) or (
        name.lower() == "secret" and _REFERENCE.fullmatch(bare)
    ):
        return False
    return is_secret_value(
        bare,
        after,
        is_quoted=content is not None,
        may_be_prose=content is not None or between[-1:].isspace(),
    )


def _looks_like_one(value: str) -> bool:
    return is_strong(value) or len(value) >= _LONG or _PIN.fullmatch(value) is not None


def _is_place(found: Found, name: str, value: str) -> bool:
    """Whether it is a line of code, ``token.go:55``, a host with a port, or an image with a tag."""
    before = found.before
    if (
        "@sha256" in value
        or _ARN.search(before)
        or (before.endswith("/") and _TAG.fullmatch(value))
    ):
        return True
    is_code = _LINE_OF_CODE.search(name) is not None
    if not _PORT.match(value):
        return is_code and value == "line"  # Token.cs:line 12
    return is_code or bool("." in name or "-" in name or before.endswith("//"))


def _is_element(found: Found) -> bool:
    """Judge the content of an XML element or a pair of attributes: no prose is in the way."""
    name, value = found.groups
    content = unquoted(value)
    return kind_of_name(name) is NameKind.SECRET and is_secret_value(
        value if content is None else content, "", is_quoted=True, may_be_prose=True
    )


def _is_flag(found: Found) -> bool:
    name, _, value = found.groups
    if kind_of_name(name) is not NameKind.SECRET or value.startswith("--"):
        return False
    content = unquoted(value)
    return is_secret_value(
        value if content is None else content,
        found.after,
        is_quoted=content is not None,
        may_be_prose=True,
    )


_FLAG_AT_END: Final = re.compile(r"--?([\w.-]+)$")
_LONGEST_FLAG: Final = 128


def _is_value_of_flag(found: Found) -> bool:
    """Judge a value that stands before its flag: ``invalid value "s3cret" for flag -password``."""
    name = _FLAG_AT_END.search(found.match.group(0)[-_LONGEST_FLAG:].decode(errors="replace"))
    return (
        name is not None
        and kind_of_name(name[1]) is NameKind.SECRET
        and is_secret_value(unquoted(found.value) or "", "", is_quoted=True, may_be_prose=True)
    )


def _is_bare(found: Found) -> bool:
    """Judge a word that follows a name without a sign between: ``password s3cr3t``."""
    name, value = found.groups
    content = unquoted(value)
    bare = value if content is None else content
    if (
        bare.startswith("-")
        or not is_strong(bare)
        or not _BARE_NAME.search(name)
        or _KUBERNETES_NAME.fullmatch(bare)
    ):
        return False
    return is_secret_value(bare, found.after, is_quoted=content is not None, may_be_prose=True)


_BARE_NAME: Final = re.compile(
    r"(?:(?i:password|passwd|passphrase|passcode|pwd)|\b[A-Z0-9_]+_(?:TOKEN|KEY|SECRET|PASS))$"
)
_KUBERNETES_NAME: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)+[.,:;]?")


def _is_enclosed(found: Found) -> bool:
    """Judge what a name encloses in brackets: ``Token(s3cr3t)``, ``password[s3cr3t]``."""
    name, value = found.groups
    return (
        kind_of_name(name) is NameKind.SECRET
        and is_strong(value)
        and (len(value) >= _LONG or "pass" in name.lower())
        and is_secret_value(value, "", is_quoted=False, may_be_prose=False)
    )


def _is_strong_argument(found: Found) -> bool:
    content = unquoted(found.value)
    return content is not None and is_strong(content)


def _is_key_of_environment(found: Found) -> bool:
    return len(found.value) >= _LONG and is_strong(found.value)


def _is_quoted_password(found: Found) -> bool:
    return is_secret_value(unquoted(found.value) or "", "", is_quoted=True, may_be_prose=True)


def _is_told(found: Found) -> bool:
    """Judge what a sentence says a password is."""
    value = found.value
    content = unquoted(value)
    told = (value if content is None else content).strip(".,;")
    return (is_strong(told) or _PIN.fullmatch(told) is not None) and is_secret_value(
        told, "", is_quoted=content is not None, may_be_prose=True
    )


def _is_long_word(found: Found) -> bool:
    word = found.value
    if re.fullmatch("[0-9a-f]{32,}", word):
        return True
    return all(re.search(some, word) for some in ("[0-9]", "[a-z]", "[A-Z]"))


NAMED_RULES: Final = (
    OwnRule(_NAME_HINTS, rf"(?i){_NAME}{_IS}({VALUE})", _is_named_secret),
    OwnRule(
        _NAME_HINTS[:2],
        rf"(?i)(?:^|[\s\"'`\[(=,])--?{_NAME}([\"']?,?[ \t]+|[\"'],|\n[ \t]*-[ \t]+)({VALUE})",
        _is_flag,
    ),
    OwnRule(
        ("</",),
        rf"(?i)<(?:[\w-]+:)?([\w.-]*{_WORDS}[\w.-]*)(?:\s[^<>]*)?>\s*([^<\s][^<]*)",
        _is_element,
    ),
    OwnRule(
        ("(?i)val(?:ue)?[\"'\\\\\\s:=\\[]",),
        rf"(?i){_NAME}[\"'\\]*[\s,;{{(\[]*\\*[\"']?(?:with )?val(?:ue)?[\"'\\]*\s*[:=\[]+\s*({VALUE})",
        _is_element,
    ),
    # a pair: ('password', 's3cret'), or {password,"s3cret"} of Erlang
    OwnRule(
        _NAME_HINTS[:2],
        rf"(?i)[({{\[]\s*\\*[\"']?{_NAME}\\*[\"']?\s*,\s*((?:<<)?{QUOTED})>*\s*[)}}\]]",
        _is_element,
    ),
    # what parsers of options and settings refuse: flag and cobra of Go, clap, argparse, envconfig
    OwnRule(
        ("(?i)\\sfor\\s(?:flag|option|argument|[\"'\\\\-])",),
        rf"(?i)\b(?:value|argument)\s+({QUOTED})\s+for\s+(?:(?:flag|option|argument)\s+)?[\"'\\]*"
        rf"(?:-\w,\s+)?--?[\w.-]*{_WORDS}[\w.-]*",
        _is_value_of_flag,
    ),
    OwnRule(
        ("(?i)argument\\s-",),
        rf"(?i)\bargument\s+(?:-\w+/)?--?{_NAME}:\s+invalid[^:\n]{{0,40}}:\s+({QUOTED})",
        _is_element,
    ),
    OwnRule(
        ("(?i)(?:parsing|converting)\\s[\"'\\\\]",),
        rf"(?i){_NAME}[^\n]{{0,64}}?\b(?:parsing|converting)\s+({QUOTED})",
        _is_element,
    ),
    # Clojure's {:password "s3cret"}
    OwnRule(_NAME_HINTS[:2], rf"(?i)(?:^|[\s{{(\[,]):{_NAME}\s+({QUOTED})", _is_element),
    OwnRule(
        ("(?i)pass(?:word|wd|phrase)[\\s(]",),
        rf"(?i)(?:password|passwd|passphrase)(?:\s+|\s*\()({QUOTED})",
        _is_quoted_password,
    ),
    OwnRule(
        (
            "(?i)(?:pass(?:word|wd|phrase|code)|pwd)(?:[ \\t|]|\\.{3})",
            "_(?:TOKEN|KEY|SECRET|PASS)[ \\t|]",
        ),
        rf"((?i:[\w.-]*{_WORDS}[\w-]*))(?:[ \t]+[05789])?(?:[ \t|]+|\.{{3,}}[ \t]*)({VALUE})",
        _is_bare,
    ),
    OwnRule(
        ("(?i)pass|pwd|secret|token",),
        r"(?i)((?:[\w.-]*)(?:pass(?:word|wd|phrase)?|pwd|secret|token)\w{0,8})[\[({<](?:\w+=)?([^\s\])}>\"']+)",
        _is_enclosed,
    ),
    # calls with a user and a password, as the stack traces of PHP show them
    OwnRule(
        ("(?i)connect|__construct|auth|login|bind|credential",),
        rf"(?i)(?:connect\w*|__construct|auth\w*|login|bind|credentials?)=?\([^()\n]*,\s*({QUOTED})\s*\)",
        _is_strong_argument,
    ),
    OwnRule(
        ("_KEY",),
        r"\b[A-Z][A-Z0-9]*_KEY(?:=|: )[\"']?([A-Za-z0-9_+/=.-]{16,})",
        _is_key_of_environment,
    ),
    # a value with its type, as of Avro
    OwnRule(
        _NAME_HINTS[:2],
        rf"(?i){_NAME}[\"'\\]*\s*[:=]?\s*\{{\s*\\*[\"']?(?:string|value|inner|bytes|text|plain\w*)[\"'\\]*\s*[:=]\s*({VALUE})",
        _is_element,
    ),
    OwnRule(
        ("(?i)one[- ]time|otp|passcode|cv[vc]",),
        r"(?i)\b(?:one[- ]time (?:password|code)|otp|passcode|cv[vc]2?)[:=]?\s+(\d{3,8})\b",
    ),
    OwnRule(
        ("(?i)credentials",),
        r"(?i)\bcredentials:?\s+[\"']?[\w.@-]+[/:]([^\s\"']{6,})",
        _is_told,
    ),
    OwnRule(("(?i)unseal|recovery",), r"(?i)(?:unseal|recovery) key(?: \d+)?: (\S+)"),
    # Sentences: the password is …, Password for user bob: …
    OwnRule(
        ("(?i)pass(?:word|phrase|code)|api[ _-]?key|\\b(?:pin|otp|code)\\b",),
        r"(?i)\b(?:password|passwd|passphrase|passcode|pin|otp|api[ _-]?key|"
        r"(?:one[- ]time|verification|security|access|auth\w*|login|2fa|mfa|confirmation) code)"
        r"[\"']?\s*(?:is now|is|was|set to|changed to|reset to|:)\s*:?\s*"
        rf"({QUOTED}|[^\s\"'][^\s]*)",
        _is_told,
    ),
    OwnRule(
        ("(?i)key|pass|token",),
        r"(?i)\b(?:key|password|token|passcode)\s+(?:provided|given|supplied|used|received|sent|was|is)"
        rf"\s*[:=]\s*({VALUE})",
        _is_told,
    ),
    OwnRule(
        ("(?i)pass(?:word|phrase|code)|api key",),
        r"(?im)\b(?:password|passphrase|passcode|api key)\b[^:=\n]{1,60}(?:'[^'\n]*')?:\s+(\S+)[ \t]*$",
        _is_told,
    ),
    OwnRule(
        ("(?i)token|secret|key|pass|cred",),
        r"(?i)\b(?:token|secret|key|password|credential|passcode)s?\b[\"'(:]*(?:\s+\w+){0,2}?\s+"
        r"[\"'(\[]?([A-Za-z0-9_-]{20,})(?:[\"')\],;\s]|\.?$|\.\s)",
        _is_long_word,
    ),
    OwnRule(
        ("(?i)mnemonic|seed|recovery",),
        r"(?i)(?:mnemonic|seed[ _-]?(?:phrase|words)|recovery[ _-]?phrase)[\"']?\s*(?:is|[:=])+\s*"
        r"([a-z\"'][^\n]*)",
    ),
    OwnRule(
        (
            r"[ñçłö]|\p{Cyrillic}|\p{Han}|\p{Katakana}|\p{Hangul}|(?i)senha|mot de passe|clave|haslo",
        ),
        r"(?i)(?:contraseña|contrasena|clave|senha|mot de passe|wachtwoord|hasło|haslo|salasana|"
        r"lösenord|adgangskode|пароль|密码|密碼|口令|パスワード|비밀번호|şifre|heslo)[\"']?\s*[:=：]\s*"
        rf"({VALUE})",
        lambda found: is_secret_value(found.value, found.after, is_quoted=False, may_be_prose=True),
    ),
)
