"""Whether what stands after a name is a secret: `password: s3cr3t`, not `password: no such file`.

Names and values are found by patterns (`named`); here they are judged. What cannot be told from a
secret is one. What is none: the words of an error message, which is what the kubelet, runtimes and
programs write after a path or a name; values that say nothing (`true`, `<redacted>`, `$VAR`);
paths, addresses and code; and names that go on after the word for a secret, so that they name
something else (`secretName`, `token_url`, `TokenFilter.java:42`).
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final

_SECRETS: Final = (
    "(?:access|account|admin|aes|api|app|auth|client|consumer|crypt|cipher|deploy|encryption|enc|"
    "fernet|hmac|instrumentation|integration|jwt|license|licence|master|preshared|priv|private|rsa|sas|secret|"
    "server|service|session|shared|signing|sign|ssh|ssl|storage|subscription|tls|webhook|write)key|"
    "password|passwd|passwort|passphrase|passcode|pwd|secret|token|credential|creds|"
    "keydata|psk|phpsessid|jsessionid|sessionid|connectionstring|connstr|totp|onetimecode|"
    "mnemonic|seedphrase|recoveryphrase|bindpw|userpw|rootpw|requirepass|masterauth"
)
_SECRET_NAME: Final = re.compile(_SECRETS)

_SHORT_NAME: Final = re.compile("pass|pw")
_HINT: Final = re.compile("pin|otp|sig|signature|auth|jwt|salt|pepper|hmac|cvv|cvc")
"""Shorter words, which count only as the last word of a name: `bypass` and `author` are others."""

_GLUED_PASS: Final = re.compile(
    "(?:admin|app|api|bind|db|key|mail|my|pg|proxy|root|smtp|store|sql|user)pass$"
)

_HARMLESS_SUFFIX: Final = re.compile(
    "age|algo|alias|arn|array|as|attr|auth|bucket|ca(?!lled)|cache|cert|change|check|class|client|"
    "column|config|configured|content|count|controller|cookie|counter|delete|dir|display|enabled|encod|encrypt|"
    "endpoint|entry|error|event|exception|exchange|exist|expir|expression|factory|failure|fetch|"
    "field|file|filter|folder|func|for|format|from|generat|group|handler|hash(?:er|ing|algorithm)|"
    "header|hint|holder|host|http|iden|index|info|input|interceptor|interval|invalid|"
    "issue|ized|izer|kind|kms|label|last|length|less|life|limit|list|loader|loc|lookup|manag|"
    "mapper|match|max|meta|method|min|missing|mode|module|mount|name|namespace|needed|not|option|"
    "owner|parse|parameter|param|path|pattern|plugin|policy|pool|port|prefix|process|prompt|"
    "properties|property|provider|rate|reader|ref|refresh(?:er|interval|ed)|region|regist|"
    "renew|repository|request|requirement|required|reset|resolver|resource|response|retriev|"
    "review|role|rotat|rule|schema|scheme|scope|selector|server|service|set$|setting|size|source|"
    "stage|state|status|step|storage|store|stream|strategy|strength|suffix|svc|sync|task|template|"
    "time|timeout|ttl|type|unavailable|unsafe|update|uri|url|usage|used|user|util|valid|verif|"
    "vault|version|volume|window|writer"
)
"""How a name goes on that names something about a secret, not the secret."""

_HARMLESS_NAME: Final = re.compile(
    "(?:next|max|min|num|total|used|prompt|completion|input|output|cached|reasoning|new|"
    "unexpected|page|continuation|sync|resume|cancellation|stop|start|end|bos|eos|pad|unk|sep|"
    "last|count|per|budget|generated|estimated|remaining|available)\\w*tokens?|"
    "(?:has|is|use|using|allow|require|forgot|skip|imagepull|external|sealed|automount\\w*)"
    "(?:tokens?|secrets?|passwords?|credentials?)|"
    "(?:io)?jsonwebtoken"
)
"""Names that hold such a word and are of no secret."""

_LETTER: Final = re.compile(r"\w")
_MARK: Final = re.compile(r"[^\w.,:;/()'\"-]")
_NOT_LETTERS: Final = re.compile(r"[\W\d_]+")

_PLACEHOLDER: Final = re.compile(
    r"[*#•.…-]{3,}|[xX]{3,12}|[<(\[][A-Za-z\s*_:-]{0,60}[>)\]]?|\$\{[\w.:-]+\}?|\$\(.*|"
    r"\$(?:[A-Z_][A-Z0-9_]*|[a-z_]+)|%\(?\w*\)?[sdvq]|\{\{?[A-Za-z\s._|-]{0,60}\}?\}?|%\w+%|@[A-Z_]+@|"
    r"(?i:redacted|masked|hidden|filtered|omitted|censored|removed|sanitized|\w*placeholder\w*)"
)
"""A value that stands for another."""

_LITERAL: Final = re.compile(
    "(?i:true|false|null|nil|none|undefined|unset|yes|no|on|off|empty|missing|required|optional|"
    "invalid|expired|valid|revoked|denied|forbidden|unauthorized|unknown|enabled|disabled|default|"
    "ok|failed|failure|error|eof|nan|string|str|integer|int|number|object|boolean|bool|text|bytes|"
    "present|absent|set|found|active|inactive|bearer|basic|include|omit|same-origin|plain|any|"
    "opaque|always|never|auto|env|file|vault|scram-sha-(?:1|256|512)|md5|argon2(?:id|i|d)?|"
    "bcrypt|scrypt|sha-?\\d{1,4}|pbkdf2|aes(?:-?\\d{3}(?:-[a-z]{3})?)?|base64|utf-?8|x509|oauth2|http2|ssh2|v\\d{1,2}(?:\\.\\d{1,4}){0,3}|jwt|jwk|oidc|"
    "-?\\d\\d?|[45]\\d\\d|(?-i:E[A-Z]{3,14}))"
)
"""A value that says only whether there is one, or of which kind."""

_PATH: Final = re.compile(
    r"\.{0,2}/(?:[\w.@+-]{1,64}/)+[\w.@+-]*|[A-Za-z]:\\[\w\\ .-]+|~/[\w./-]+|"
    r"/(?:etc|var|run|tmp|home|usr|opt|app|srv|mnt|data|root|dev|proc|secrets?|vault|config)\b.*|"
    r"(?:[\w-]+/)+[\w-]+\.(?:json|ya?ml|txt|pem|key|crt|env|conf|toml|ini|properties|p12|jks)"
)
_OBJECT: Final = re.compile(r"0x[0-9a-fA-F]{1,16}|[A-Za-z][\w.$]*@[0-9a-f]{1,8}")
"""A pointer, an id of 64 bits, or an object of Java that has no text."""

_URL: Final = re.compile(r"(?:https?|file|wss?|unix|tcp|grpc|dns|vault|arn|oci|s3|gs):[^@]*")
_ADDRESS: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[?[0-9a-fA-F]{0,4}::?[\da-fA-F:]+\]?:\d+"
)
_PAIR: Final = re.compile(r"[A-Za-z_]\w*=[\w.]+")
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ].*)?|\d\d:\d\d(?::\d\d.*)?|\d{1,6}(?:\.\d{1,6})?(?:ms|s|m|h|d|us|µs)"
)


def _one_of(*patterns: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each.pattern})" for each in patterns))


_HARMLESS_VALUE: Final = _one_of(_PLACEHOLDER, _LITERAL, _OBJECT, _PATH, _URL, _ADDRESS, _TIME)
_HARMLESS_WORD: Final = _one_of(_PLACEHOLDER, _PAIR, _PATH, _URL, _ADDRESS, _TIME)

_CODE: Final = re.compile(
    r"(?:await |new |\*|&|!)?(?:[A-Za-z_]\w*(?:\.|->|::|\?\.))*[A-Za-z_]\w*"
    r"(?:\((?:[^()]|\([^()]{0,40}\)){0,150}\)|\[(?=[^\]]*[A-Za-z'\"])[^\]]*\]|\{)"
)
_MEMBER: Final = re.compile(
    r"(?:os|process|self|this|req|request|res|resp|response|config|conf|cfg|settings|options|opts|"
    r"args|params|props|env|ENV|ctx|context|data|body|user|credentials|creds|secrets|state|input|"
    r"event|module|app|client|spec|values|var|local)(?:\.|->|\?\.)[A-Za-z_][\w.]*[;,)}\]]*"
    r"|(?:[A-Za-z_]+(?:\.|->|\?\.)){1,4}(?i:[a-z_]*(?:password|passwd|secret|token|key))[;,)}\]]*"
    r"|[A-Z][a-z]{2,11}<[\w<>:, ]{1,40}>?[;,)}\]]*"
)
"""An expression of a program, as tracebacks and compilers show the line where it failed."""

_PROSE_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'/-]{0,13}[.,;:!?)]?")
_ERROR_CHAIN: Final = re.compile(r"(?:[A-Za-z][A-Za-z/.-]{0,24}|x509|http2|pkcs\d+|sqlite3):")
_VERB: Final = re.compile("[A-Za-z]{2,11}(?:ing|ed)")

_OPENERS: Final = frozenset(
    re.findall(
        r"\S+",
        """
        a abc-type about above access accessing account add adding after all already an and
        another any api application are argument arguments arn as assertion at attempt attribute
        auth authentication authorization bad base64 based be because been before being blank both
        broken but by cache call can can't cannot cant certificate chain change channel character
        check class client code command config configuration connect connection contains context
        copy could couldn't couldnt crypto current data database deadline decode decoding decrypt
        decryption default delete denied dial did didn't digest directory do does doesn't doesnt
        domain don't dont download due duplicate during eacces econnrefused either empty encode
        encoding encryption end enoent enter entry eof error errors event exceeded exception exec
        exists exit expected expecting expired expires expiry extra fail failed fails failure
        false fatal fetch field file files find first for forbidden format found from get given
        got grant had handshake has hasn't have head header host http i/o id identity if ignore
        ignoring illegal image in incomplete incorrect index info initialized initializing input
        input/output insufficient internal into invalid io ioerror is isn't issue it it's its json
        jwt key keys last later length less line list load loading local lock lookup lost lstat
        make malformed map maximum may message method mismatch mismatched missing mkdir module
        more mount must name named near need needs neither network never new next nil no node non
        nonce none nor not nothing now null number of off on one only open opening operation
        option or other out over page panic parameter parse parser parsing password path pattern
        permission permissions please plugin post pq problem process property protocol provider
        put read reading reason received refresh refused remote remove request requested require
        required requires reset resource response restart retry retrying return returned revoked
        role rpc rule run runtime scope secret secrets see send server service session set should
        shouldn't signature since size skip skipping so some something source ssl start starting
        stat state status still stream string structure such suddenly supply symbol syntax system
        target temporary test text that the their them then there they this time timed timeout tls
        to token tokens too transport true try trying type unable unauthorized unbound undefined
        unexpected unknown unless unlock unmarshal unparsable unrecognized unset unsupported until
        unusable update upload use used user username using val value values variable verification
        verify version via was wasn't we were what when where which while who will with within
        without won't would wrong wiretype x509 yaml you your zero
        """,
    )
)
"""Words with which an error message begins, or goes on. As values they are no good passwords."""

_MIN_LENGTH: Final = 6

_MAX_JUDGED: Final = 200
"""How many characters of a name, or of a value and what follows it, are looked at."""


class NameKind(Enum):
    """What a name says of its value."""

    SECRET = auto()
    """It is a secret."""
    HINT = auto()
    """It is one if it looks like one."""
    OTHER = auto()
    """Nothing."""


@lru_cache(maxsize=1024)
def kind_of_name(name: str) -> NameKind:
    """Say whether a value of this name is a secret, whatever the spelling of the name is.

    Args:
        name: ``AWS_SECRET_ACCESS_KEY``, ``spring.datasource.password``, ``client-secret``.
    """
    words = _words(name[-_MAX_JUDGED:])
    if not words:
        return NameKind.OTHER
    squeezed = "".join(words)
    if _SHORT_NAME.fullmatch(words[-1]) or _GLUED_PASS.search(squeezed):
        return NameKind.SECRET
    found = list(_SECRET_NAME.finditer(squeezed))
    if not found:
        return NameKind.HINT if _HINT.fullmatch(words[-1]) else NameKind.OTHER
    if _HARMLESS_NAME.fullmatch(squeezed):
        return NameKind.OTHER
    return _kind_by_suffix(squeezed, squeezed[found[-1].end() :])


def _kind_by_suffix(name: str, suffix: str) -> NameKind:
    """Judge a name by what follows the word for a secret in it."""
    if suffix == "s":
        return NameKind.HINT  # tokens=512
    if suffix.startswith("id"):
        return NameKind.SECRET if name.endswith("secretid") else NameKind.OTHER
    if any(_HARMLESS_SUFFIX.match(each) for each in (suffix, suffix.removeprefix("s"))):
        return NameKind.OTHER
    return NameKind.SECRET


def _words(name: str) -> list[str]:
    """Split a name into its words, in lower case; `apiKey`, `API_KEY` and `api-key` are alike."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word.lower() for word in _NOT_LETTERS.split(split) if word]


def is_secret_value(value: str, after: str, *, is_quoted: bool, may_be_prose: bool) -> bool:
    """Say whether a value is a secret, given that its name is a secret's.

    Args:
        value: the value, without its quotation marks.
        after: what follows it on its line.
        is_quoted: whether it has quotation marks.
        may_be_prose: whether words of a message may stand there: after ``: `` or in quotes.
    """
    value, after = value[:_MAX_JUDGED], after[:_MAX_JUDGED]
    bare = value.strip("\\\"'`").rstrip(",;)]}>\\\"'")
    if not _LETTER.search(bare):
        # It is nothing, or all of it is marks, which a password may be, too.
        return is_quoted and len(bare) >= _MIN_LENGTH and not _PLACEHOLDER.fullmatch(bare)
    if _HARMLESS_VALUE.fullmatch(bare) or _PLACEHOLDER.fullmatch(value.rstrip(",;\\\"'")):
        return False
    if not is_quoted and _is_code(value, after):
        return False
    return not (may_be_prose and is_prose(value if is_quoted else f"{value}{after}"))


def _is_code(value: str, after: str) -> bool:
    if _MEMBER.fullmatch(value):
        return True
    return _CODE.match(f"{value}{after}") is not None


def is_prose(text: str) -> bool:
    """Say whether a text begins like a message of a program: ``no such file``, ``x509: …``."""
    words = text.split(None, 3)
    if len(words) == 1 or not words or not _LETTER.search(words[1]):
        return False  # one word is no sentence
    first = words[0].strip("\"'([`").rstrip(".,;:!?)]\"'`").lower()
    if _ERROR_CHAIN.fullmatch(words[0]):
        return True
    if not _PROSE_WORD.fullmatch(words[0].strip("\"'([`")):
        return first in _OPENERS
    return first in _OPENERS or _VERB.fullmatch(first) is not None


def is_strong(value: str) -> bool:
    """Say whether a value looks like a secret where no name stands directly before it."""
    bare = value.strip("\\\"'`,;.)]}")
    if len(bare) < _MIN_LENGTH:
        return False
    if bare.endswith(":") or _HARMLESS_WORD.fullmatch(bare):
        return False
    has_digit = any(map(str.isdigit, bare))
    has_mark = _MARK.search(bare) is not None
    return (has_digit or has_mark) and any(map(str.isalpha, bare))
