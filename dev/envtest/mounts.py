"""Mount Secrets for the hook's processes as a kubelet does: all files change at once.

A folder with a Secret in it is laid out as a kubelet does: the files are links through ``..data``,
itself a link to a folder that is new for each version, so that a reader sees either all of the
old or all of the new.

Source: ``pkg/volume/util/atomic_writer.go`` of Kubernetes.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

_DATA, _NEW_DATA = "..data", "..data_tmp"


def mount(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder, in place of those that are there.

    Args:
        folder: where; made if it is not there.
        files: name to content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    version.chmod(0o755)
    for name, content in files.items():
        path = version / name
        path.write_bytes(content)
        path.chmod(0o444)
    before = folder / _DATA
    old = folder / before.readlink() if before.is_symlink() else None
    new = folder / _NEW_DATA
    new.symlink_to(version.name)
    new.replace(before)
    for name in files:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(Path(_DATA) / name)
    for link in folder.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()
    if old is not None:
        shutil.rmtree(old)
