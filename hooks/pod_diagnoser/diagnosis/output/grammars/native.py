"""C and C++, and what libc, the loader and sanitizers say of native programs. Pure.

Sources: libstdc++ libsupc++/vterminate.cc; libc++abi; glibc assert/assert.c, malloc/malloc.c,
debug/stack_chk_fail.c, elf/dl-load.c; musl ldso/dynlink.c; compiler-rt sanitizers; glog.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_TERMINATE: Final = "terminate called"
_WHAT: Final = re.compile(r"\s*what\(\): ")
_LINE: Final = re.compile(
    r"(?P<cxx>.{0,60}?libc\+\+abi(?:\.dylib)?: (?:terminating|terminate_handler))"
    r"|(?P<assertion>.{0,400}: Assertion [`'].{1,1000}' failed\.?|Assertion failed: |.{0,300}\bassertion failed: )"
    r"|(?P<loader>.{0,300}: error while loading shared libraries: |Error loading shared library )"
    r"|(?P<version>.{0,400}: version `[\w.]{1,60}' not found|.{0,300}: symbol lookup error: |Error relocating \S{1,300}: )"
    r"|(?P<memory>\*\*\* (?:stack smashing|buffer overflow) detected|(?:double free|free\(\)|malloc\(\)|realloc\(\)|corrupted |munmap_chunk\(\)|malloc_consolidate\(\))[^\n]{0,80}$"
    r"|\*\*\* Error in `|==\d{1,10}==\s?ERROR: \w{1,40}Sanitizer|\*\*\* (?:SIG(?:SEGV|ABRT|BUS|ILL|FPE)|Signal) )"
    r"|(?P<signal>.{0,200}(?:Caught Segmentation fault|[Rr]eceived signal (?:Segmentation fault|Aborted|11\b|6\b|SIG(?:SEGV|BUS|ABRT|ILL|FPE)\b)|[Cc]aught signal (?:11|6)\b|SIGSEGV received|(?:process|service|child|worker|program|\)) (?:received|(?:was )?(?:killed|terminated) (?:by|with|on)|died (?:of|on|with)) signal:? (?:4|6|7|8|11)\b))"
    r"|(?P<gpu>(?:.{0,300}: )?(?:CUDA|HIP|ROCm|cuBLAS|cuDNN|NCCL) error: (?!out of memory)|.{0,300}\bGGML_ASSERT\b)"
)
_CLASSES: Final = {
    "cxx": ReasonClass.NATIVE_CRASH,
    "assertion": ReasonClass.ASSERTION_OR_PANIC,
    "loader": ReasonClass.MISSING_MODULE,
    "version": ReasonClass.VERSION_MISMATCH,
    "memory": ReasonClass.NATIVE_CRASH,
    "signal": ReasonClass.NATIVE_CRASH,
    "gpu": ReasonClass.NATIVE_CRASH,
}
_DUMPED: Final = re.compile(
    r"(?:Segmentation fault|Bus error|Illegal instruction|Aborted|Trace/breakpoint trap|Floating point exception"
    r"|Bad system call)(?: \(core dumped\))?\s*$"
)
"""What a shell says of its own program; what that said itself says more."""

_EXACT: Final = ("assertion", "loader", "version", "memory", "signal")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _DUMPED.match(line):
            yield Finding(
                number, (number,), ReasonClass.NATIVE_CRASH, weight=Weight.LOGGED, exact=True
            )
        elif _TERMINATE in line[:200]:
            what = number + 1 < len(lines) and _WHAT.match(lines[number + 1])
            quotes = (number + 1, number) if what else (number,)
            yield Finding(number, quotes, ReasonClass.NATIVE_CRASH)
        elif found := _LINE.match(line):
            kind = found.lastgroup or "signal"
            runtime = "c++" if kind == "cxx" else "c"
            yield Finding(number, (number,), _CLASSES[kind], runtime=runtime, exact=kind in _EXACT)


GRAMMAR: Final = Grammar(
    "c++",
    (
        "terminate called",
        "libc++abi",
        "assertion",
        "shared librar",
        "' not found",
        "symbol lookup",
        "error relocating",
        "***",
        "free()",
        "malloc",
        "double free",
        "corrupted",
        "munmap_chunk",
        "sanitizer",
        "signal",
        "segmentation fault",
        "bus error",
        "illegal instruction",
        "aborted",
        "core dumped",
        "sigsegv",
        "cuda",
        "hip error",
        "rocm",
        "cublas",
        "cudnn",
        "nccl",
        "ggml_assert",
    ),
    _find,
)
