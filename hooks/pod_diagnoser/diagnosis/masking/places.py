"""Secrets by their place: in headers, URLs, commands, SQL, and in protocols that are logged."""

import base64
import binascii
import re
from typing import Final

from pod_diagnoser.diagnosis.masking.judging import is_prose, is_secret_value, is_strong
from pod_diagnoser.diagnosis.masking.rule import QUOTED, VALUE, Found, OwnRule


def _is_header(found: Found) -> bool:
    value = found.value.strip("\"' ,[(")
    scheme = _SCHEME.match(value)
    if scheme is not None:
        return scheme[1].lower() not in _ABOUT_SCHEMES
    return not is_prose(value) and is_secret_value(
        value.split(None, 1)[0] if value else "", "", is_quoted=False, may_be_prose=False
    )


_SCHEME: Final = re.compile(r"(?i)(?:bearer|basic|digest|negotiate|token|apikey)[ +]+(\w+)")
_ABOUT_SCHEMES: Final = frozenset(
    re.findall(
        r"\w+",
        "auth authentication authorization credentials error expired failed has header invalid is "
        "malformed missing must not or realm required scheme token was",
    )
)
"""What follows the scheme of a header where a message speaks of it."""


def _is_cookie(found: Found) -> bool:
    value = found.value
    return "=" in value and not is_prose(value.split("=", 1)[0])


def _is_scheme(found: Found) -> bool:
    scheme, code = found.groups
    if len(code) < _MIN_CODE or re.search("=[^=]", code):
        return False
    if scheme.lower() != "basic":
        return True
    try:
        decoded = base64.b64decode(code[: len(code) // 4 * 4], validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    return b":" in decoded or (is_strong(code) and "/" not in code)


_MIN_CODE: Final = 6

_CODE: Final = "[A-Za-z0-9._~+/=-]"
"""A character of a bearer token. Source: RFC 6750, 2.1."""

_DATABASES: Final = (
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|s?ftps?|ldaps?|smtps?|nats|"
    r"kafka|clickhouse|sqlserver|oracle)(?:\+\w+)?"
)
"""Schemes of URLs whose passwords are often not escaped as they should be."""

_SLASHES: Final = r":\\*/\\*/"
"""What begins the authority of a URL; PHP escapes slashes in JSON."""

_URL_HINTS: Final = ("://", r":\\")


def _is_userinfo(found: Found) -> bool:
    """Judge what is before the host of a URL: with some schemes it is never a secret."""
    return ":" in found.value or not _NAMES_BEFORE_HOSTS.search(found.before)


_NAMES_BEFORE_HOSTS: Final = re.compile(r"(?:akka[\w.]*|pekko[\w.]*|spark|ssh)$")


def _is_user_and_password(found: Found) -> bool:
    user, password = found.groups
    if user.lower() in ("mailto", "sip", "sips", "xmpp", "acct", "user", "from", "to", "email"):
        return False
    return is_strong(password) and not re.fullmatch(r"[\w.-]*sha256", password)


def _is_argument(found: Found) -> bool:
    value = found.value
    return is_secret_value(value, "", is_quoted=False, may_be_prose=False)


def _is_strong(found: Found) -> bool:
    return is_strong(found.value)


def _is_parameter(found: Found) -> bool:
    value = found.value
    return _is_argument(found) and (is_strong(value) or len(value) >= _LONG)


_LONG: Final = 16


def _is_long_segment(found: Found) -> bool:
    value = found.value
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


PLACE_RULES: Final = (
    # headers
    OwnRule(
        ("(?i)authorization|private-token|api-?key|x-|subscription-key",),
        rf"(?i)(?:(?:proxy-)?authorization|(?:private|job|deploy)-token|api-?key|"
        rf"[a-z-]*subscription-key|x-[\w-]*(?:token|key|secret|auth|signature|password|session\w*))"
        rf"(?:[\"'\\]*\s*(?::|=|->|=>)\s*|[\"']\s*,\s*)\[?({QUOTED}|[^\s\"'][^\n]*)",
        _is_header,
    ),
    OwnRule(
        ("(?i)cookie",),
        rf"(?i)cookies?(?:[\"'\\]*\s*[:=]\s*|[\"']\s*,\s*)\[?({QUOTED}|[^\s\"'][^\n]*)",
        _is_cookie,
    ),
    OwnRule(
        ("(?i)bearer|basic|negotiate|ntlm|ssws|geniekey|apikey",),
        rf"(?i)\b(bearer|basic|negotiate|ntlm|ssws|geniekey|apikey)(?:\s+|%20|\+)[\"']?"
        rf"({_CODE}*[0-9]{_CODE}*|{_CODE}{{16,}})",
        _is_scheme,
    ),
    OwnRule(("(?i)credential",), r"(?i)\bcredential=([^\s,;&]+)"),
    OwnRule(
        ("(?i)sig|response=|assertion|saml|code|[?&]key|\\\\u0026",),
        r"(?i)(?:\b(?:x-(?:amz|goog)-|client[_-])?(?:sig|signature|assertion|samlresponse|"
        r"security-token|code_verifier)|[?&](?:key|code|auth|hash|hmac|k|t|otp|ticket|jwt))"
        r"(?:=|%3d|\\u003d)([^\s&\"'<>]{6,})",
        _is_parameter,
    ),
    OwnRule((r"\bcode=",), r"\bcode=([\w./~-]{16,})&", _is_parameter),
    OwnRule(
        (r"curl",),
        r"\bcurl\b[^\n]*?\s(?:-b|--cookie)[ =]?[\"']?[^\s=;\"']+=([^\s\"';]{8,})",
        _is_parameter,
    ),
    OwnRule(("(?i)digest|nonce",), r"(?i)\bresponse=\\?\"([0-9a-f]{32,})"),
    # user:password@ of a URL, and elsewhere
    OwnRule(_URL_HINTS, rf"{_SLASHES}([^\s/?#\"'<>]*)@", _is_userinfo),
    OwnRule(("%40",), r"(?i):(?://|%2f%2f)[^\s/@\"'<>]+?%3a([^\s/@\"'<>]+?)%40"),
    OwnRule(_URL_HINTS, rf"(?i){_DATABASES}{_SLASHES}[^\s/:@]*:([^\s\"'<>]*)@"),
    OwnRule((r"@(?:tcp|unix|udp)\(",), r"[^\s:@\"'(]{1,64}:(\S*)@(?:tcp|unix|udp)\("),
    OwnRule(
        ("@[A-Za-z0-9]",),
        r"(?:^|[\s\"'=(])([A-Za-z][\w.-]{0,31}):([^\s:@/\"']{3,64})@[A-Za-z0-9]",
        _is_user_and_password,
    ),
    OwnRule(
        ("(?i)oracle|sqlplus|oci8|@//",),
        r"(?i)(?:thin:|oci8?:|sqlplus\b[^\n/]{0,60}?\s|\s)\w+/([^\s/@]+)@(?://|\w)",
    ),
    OwnRule((":(?:5432|5433|6432):",), r"[\w.*-]+:(?:5432|5433|6432|\*):[\w*-]+:[\w*-]+:(\S+)"),
    # webhooks
    OwnRule(
        ("(?i)hook",),
        r"(?i)(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|"
        r"office\.com/webhook(?:b2)?/|hooks\.zapier\.com/hooks/catch/|/bot/v2/hook/|"
        r"chat\.googleapis\.com/v1/spaces/|/hooks/)([^\s\"'<>]{16,})",
    ),
    OwnRule(("(?i)ifttt|telegram",), r"(?i)(?:/with/key/|api\.telegram\.org/bot)([^\s/\"'<>]+)"),
    OwnRule(
        ("(?i)reset|verify|confirm|invit|magic|activat|unsubscribe|share",),
        r"(?i)/[\w-]*(?:reset|verify|confirm|invite|invitation|magic|activate|activation)[\w-]*/"
        r"([\w.~-]{20,})",
        _is_long_segment,
    ),
    # commands
    OwnRule(
        ("(?i)mysql|mariadb|xtrabackup|7z",),
        r"(?i)\b(?:mysql\w*|mariadb[\w-]*|xtrabackup|7z\w?)\b[^\n|;&]*?[\s\"',]-p([^\s\"'-][^\s\"]*|['\"][^'\"\n]+)",
        _is_argument,
    ),
    OwnRule(
        (
            "(?i)sshpass|login|mongo|sqlcmd|bcp|ldap|redis-cli|mosquitto|cqlsh|ipmitool|zip|snmp|oc ",
        ),
        r"(?i)\b(?:sshpass|(?:docker|podman|helm registry|az|oc|buildah|skopeo|crane|oras) login|mongo\w*|sqlcmd|bcp|"
        r"ldap\w+|redis-cli|mosquitto_\w+|cqlsh|ipmitool|(?:un)?zip|snmp\w+)\b[^\n|;&]*?\s-(?:p|w|a|x)\s*([^\s\"'-][^\s]*|['\"][^'\"\n]+)",
        _is_argument,
    ),
    OwnRule(
        ("(?i)sudo -S|-stdin|chpasswd",),
        r"(?i)\becho\s+(?:-n\s+)?[\"']?(?:\w+:)?([^\s\"'|]+)[\"']?\s*\|[^\n]*?(?:sudo -S|--password-stdin|--stdin|chpasswd)",
    ),
    OwnRule(
        ("(?i)rabbitmqctl|htpasswd|net use|snmp-server",),
        r"(?i)(?:rabbitmqctl\s+(?:add_user|change_password)\s+\S+|htpasswd\s+-\w*b\w*\s+\S+\s+\S+|"
        r"net use\s+\S+|snmp-server community)\s+([^\s/][^\s]*)",
        _is_argument,
    ),
    OwnRule(
        ("(?i)smbclient|lftp|openssl|/p:",),
        r"(?i)(?:smbclient\b[^\n]*?-U\s*[^\s%]+%|lftp\b[^\n]*?-u\s*[^\s,]+,|"
        r"openssl\s+enc\b[^\n]*?\s-k\s+|\s/p:)(\S+)",
        _is_argument,
    ),
    OwnRule(
        ("(?i)curl|wget|http|--user",),
        r"(?i)(?:\s-u|\s--(?:proxy-)?user|\s-a|\s--auth)[ =]?[\"']?[^\s:\"'=]+:([^\s\"'/][^\s\"']*)",
        _is_argument,
    ),
    OwnRule(("(?i)pass(?:in|out)?\\s", "pass:"), r"\bpass:([^\s\"']+)", _is_argument),
    OwnRule(
        ("(?i)login\\s", "(?i)machine"),
        r"(?i)\blogin\s+\S+\s+password\s+(\S+)",
    ),
    OwnRule(
        ("(?i)requirepass|masterauth",), rf"(?i)\b(?:requirepass|masterauth)[\"']?\s+({VALUE})"
    ),
    # a rule of Redis' access control: user app on >s3cret ~*
    OwnRule(
        (r"(?i)user\s",),
        r"(?i)user\s+\S+\s+(?:on|off|reset)\s(?:[^\n]{0,64}?\s)?[><#!]([^\s\"'<>=]+)",
        _is_strong,
    ),
    OwnRule(
        (r"(?i)\bauth\b",),
        r"(?i)\bAUTH[\"']?\s+(?:\$\d+\s+)?(?:(?:PLAIN|LOGIN|CRAM-MD5|XOAUTH2|NTLM|default)\s+)?[\"']?([^\s\"']{6,})",
        _is_strong,
    ),
    OwnRule(
        (r"\bPASS\s",), r"(?:>|C:|<-|[Ss]end(?:ing)?:?|SEND|[Cc]lient:|FTP:?)\s*[\"']?PASS\s+(\S+)"
    ),
    OwnRule((r"\bPASS\s",), r"\bUSER\s+\S+\s+PASS\s+(\S+)"),
    OwnRule((r"\bLOGIN\s",), r"\bLOGIN\s+\S+\s+[\"']?([^\s\"']+)", _is_strong),
    OwnRule(("::server:|::node:",), r"\bK10\w+::\w+:(\S+)"),
    OwnRule(("(?i)set password",), rf"(?i)\bset password[^=\n]*=\s*({QUOTED})"),
    OwnRule(
        ("(?i)values",),
        r"(?i)\binsert\s+into\s[^()\n]+\([^()\n]*(?:password|passwd|secret|token)[^()\n]*\)\s*values\s*\(([^\n]*)\)",
    ),
    OwnRule(
        ("(?i)identified",),
        rf"(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?({QUOTED}|[^\s\"';]+)",
    ),
)
