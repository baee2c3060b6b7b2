"""Secrets by their form: private keys, hashes of passwords, keys and tokens of services."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.compiling import Span, compile_pattern
from pod_diagnoser.diagnosis.masking.rule import OwnRule

_KEY_MARK: Final = r"[A-Z0-9 +%]*PRIVATE(?:[ +_]|%20)KEY"


@dataclass(frozen=True)
class PrivateKeyRule:
    """Private keys in PEM and its like, whole or without their start or end."""

    hints: tuple[str, ...] = ("PRIVATE",)

    @cached_property
    def pattern(self) -> Any:
        """The marks, compiled when they are first needed."""
        return compile_pattern(rf"-{{4,5}} ?(?:(BEGIN)|END){_KEY_MARK}[A-Z ]*(?:-{{4,5}})?")

    def spans(self, text: bytes, budget: Budget) -> Iterator[Span]:
        """Yield where keys are: from the first mark of a beginning to the next of an end."""
        position, begun = 0, -1
        while (match := self.pattern.search(text, position)) is not None:
            if not budget.allows(*match.span()):
                yield match.start() if begun < 0 else begun, len(text)
                return
            position = match.end()
            if match.group(1):
                begun = match.start() if begun < 0 else begun
                continue
            yield (_start_of_key(text, match.start()) if begun < 0 else begun), position
            begun = -1
        if begun >= 0:
            yield begun, len(text)


_END_OF_KEY: Final = compile_pattern(r"[A-Za-z0-9+/=\s\\]*\z")
_MIN_KEY_LINE: Final = 16
"""How many characters each line of a key has at least, but the last."""


def _start_of_key(text: bytes, end: int) -> int:
    """Return where a key begins of which only the end is marked."""
    start = _END_OF_KEY.search(text[:end]).start()
    words = list(re.finditer(rb"\S+", text[start:end]))
    begin = end
    for index, word in enumerate(reversed(words)):
        if index > 0 and len(word[0]) < _MIN_KEY_LINE:
            break
        begin = start + word.start()
    return begin


_KEYS_OF_SERVICES: Final = (
    (r"hf_", r"[A-Za-z0-9]{30,}"),
    (r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),
    (r"r8_", r"\w{30,}"),
    (r"gls?[ac]_", r"[\w+/=-]{30,}"),
    (r"dapi", r"[0-9a-f]{32}"),
    (r"figd_", r"[\w-]{30,}"),
    (r"ntn_", r"\w{40,}"),
    (r"secret_", r"[A-Za-z0-9]{40,}"),
    (r"lin_api_", r"\w{30,}"),
    (r"sbp_", r"[0-9a-f]{40}"),
    (r"nfp_", r"\w{30,}"),
    (r"fm[12]_", r"[\w+/=]{40,}"),
    (r"fo1_", r"[\w-]{40,}"),
    (r"CCIP(?:AT|RJ)_", r"\w{16,}"),
    (r"bkua_", r"\w{30,}"),
    (r"PMAK-", r"[0-9a-f]{20,}-[0-9a-f]{30,}"),
    (r"NR(?:AK|II|JS|RA|AL)-", r"[\w-]{19,}"),
    (r"pscale_(?:tkn|pw|oauth)_", r"[\w.=-]{20,}"),
    (r"tskey-", r"[a-z]+-[\w-]{16,}"),
    (r"rubygems_", r"[0-9a-f]{40,}"),
    (r"cio", r"[A-Za-z0-9]{32}"),
    (r"oy2", r"[a-z0-9]{43}"),
    (r"pul-", r"[0-9a-f]{40}"),
    (r"dp\.(?:pt|st|sa|ct|scim|audit)\.", r"[\w.-]{30,}"),
    (r"sntry", r"[a-z]_\w[\w+/=-]{30,}"),
    (r"ATATT3", r"[\w=-]{50,}"),
    (r"ATBB", r"\w{20,}"),
    (r"ATCTT3", r"[\w=-]{50,}"),
    (r"key-", r"[0-9a-z]{32}"),
    (r"gsk_", r"\w{40,}"),
    (r"xai-", r"\w{40,}"),
    (r"pplx-", r"\w{40,}"),
    (r"sdk-", r"[0-9a-f]{8}-[0-9a-f-]{27}"),
    (r"rnd_", r"\w{28,}"),
    (r"ory_", r"[a-z]{2}_[\w.-]{30,}"),
    (r"sb_secret_", r"[\w-]{20,}"),
    (r"phc_", r"\w{40,}"),
    (r"phx_", r"\w{40,}"),
    (r"tvly-", r"\w{20,}"),
    (r"AKC", r"[a-zA-Z0-9]{60,}"),
    (r"cmVmdGtu", r"[A-Za-z0-9]{56,}"),
    (r"LTAI", r"[A-Za-z0-9]{12,24}"),
    (r"SK", r"[0-9a-f]{32}"),
    (r"EAA", r"[A-Za-z0-9]{30,}"),
    (r"sq0(?:atp|csp|idp)-", r"[\w-]{22,}"),
    (r"A3-", r"[A-Z0-9]{6}-[A-Z0-9-]{20,}"),
    (r"ops_eyJ", r"[\w+/=]+"),
)
"""Keys with a beginning of their own, and how they go on. gitleaks' rules for many of them want a
quotation mark or a blank after them, which logs do not have."""


FORM_RULES: Final[tuple[OwnRule | PrivateKeyRule, ...]] = (
    PrivateKeyRule(),
    OwnRule(("Private-Lines",), r"(?s)(Private-Lines:.*?(?:Private-MAC:\s*\S+|\z))"),
    OwnRule(
        ("LS0tLS1CRUdJTi",),
        r"(LS0tLS1CRUdJTi(?:BQUklW|BSU0Eg|BFQyBQ|BPUEVO|BFTkNS|BEU0Eg|BQR1Ag)[\w+/=]*)",
    ),
    # the content of one without its marks: PKCS#8, PKCS#1, SEC 1, OpenSSH
    OwnRule(
        ("MI[EIGJCH]|MHcC|MC4C|b3BlbnNza",),
        r"((?:MI[A-Za-z0-9+/]{3,6}IBA(?:DANBgkqhkiG9w0B|AKC)|MIGHAgEAMBMGByqGSM49|MHcCAQEE|"
        r"MC4CAQAwBQYDK2VwBCIE|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/=]*(?:[\s\\n]{1,4}[A-Za-z0-9+/=]{20,})*)",
    ),
    OwnRule(("AGE-SECRET",), r"(AGE-SECRET-KEY-[0-9A-Za-z]+)"),
    OwnRule(
        ('"(?:d|k|p|q|dp|dq|qi)["\\\\]',),
        r"\"(?:d|k|p|q|dp|dq|qi)\\*\"\s*:\s*\\*\"([\w-]{32,})",
    ),
    OwnRule(("[xyzt]prv",), r"\b([xyzt]prv[1-9A-HJ-NP-Za-km-z]{50,})"),
    # hashes of passwords
    OwnRule(
        (r"\$(?:[1256y]|2[abxy]|gy|7|apr1|argon2|pbkdf2|scrypt|P|H|S|bcrypt)",),
        r"(\$(?:1|5|6|7|y|gy|apr1|2[abxy]?|argon2(?:id|i|d)|pbkdf2[\w-]*|scrypt|P|H|S)"
        r"\$[\w./=,+-]{1,40}"
        r"(?:\$[\w./=,+$-]{8,})|\$2[abxy]?\$\d\d\$[\w./]{22,}|\$[PH]\$[\w./]{20,})",
    ),
    OwnRule(
        ("pbkdf2_|SCRAM-SHA|\\{S?SHA|\\bmd5[0-9a-f]",),
        r"(pbkdf2_sha\d+\$[\w$+/=]+|"
        r"SCRAM-SHA-(?:1|256)\$[\w:$+/=]+|\{S?SHA\d*\}[\w+/=]{16,}|"
        r"\bmd5[0-9a-f]{32}\b)",
    ),
    # keys of services
    OwnRule(
        ("A3T|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA",),
        r"((?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA)[A-Z0-9]{12,})",
    ),
    OwnRule(
        ("AKIA|ASIA",),
        r"(?:AKIA|ASIA)[A-Z0-9]{12,}[\"']?[\s,:;/|]{1,4}[\"']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$)",
    ),
    OwnRule(("eyJ",), r"(eyJ[\w+/-]{6,}=*(?:\.[\w=-]*)*)"),
    OwnRule(("gh[pousr]_|github_pat",), r"((?:gh[pousr]|github_pat)_\w{16,})"),
    OwnRule(
        ("gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|wt)-",),
        r"(gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[\w.-]{16,})",
    ),
    OwnRule(
        ("xox|xapp|xwfp",), r"(xox[a-z](?:\.xox[a-z])?-[\w-]{8,}|xapp-[\w-]{8,}|xwfp-[\w-]{8,})"
    ),
    OwnRule(
        ("AIza|ya29|GOCSPX|1//0",),
        r"(AIza[\w-]{30,}|ya29\.[\w.-]{16,}|GOCSPX-[\w-]{16,}|\b1//0[\w-]{30,})",
    ),
    OwnRule(
        ("[srp]k_(?:live|test)|whsec_",),
        r"((?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,})",
    ),
    OwnRule(("sk-",), r"(sk-(?:admin|ant|lf|or|proj|svcacct)-[\w-]{16,}|sk-[A-Za-z0-9]{20,})"),
    OwnRule(
        ("npm_|pypi-|dckr_|do[opr]_v1",),
        r"(npm_\w{30,}|pypi-[\w-]{16,}|dckr_(?:pat|oat)_[\w-]{16,}|do[opr]_v1_\w{32,})",
    ),
    OwnRule(("SG\\.|hv[bsr]\\.",), r"(SG\.[\w-]{16,}\.[\w-]{16,}|hv[bsr]\.[\w-]{20,})"),
    OwnRule((r"\d:AA",), r"(\d{8,10}:AA[\w-]{33})"),
    OwnRule((r"\dQ~",), r"([\w~.-]{3}\dQ~[\w~.-]{31,34})"),
    OwnRule(("-us\\d",), r"\b([0-9a-f]{32}-us\d{1,2})\b"),
    OwnRule(("\\bs\\.",), r"\b(s\.[A-Za-z0-9]{24})\b"),
    *(OwnRule((rf"\b{begin}",), rf"\b({begin}{rest})") for begin, rest in _KEYS_OF_SERVICES),
    OwnRule((r"\.atlasv1\.",), r"([A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})"),
    OwnRule((r"access_token\$",), r"access_token\$(?:production|sandbox)\$(\w+\$\w{32})"),
    OwnRule(
        (r"\.[\w-]{6}\.",),
        r"\b([MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,38})\b",
    ),
)
