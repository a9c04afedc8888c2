"""The key of an installation whose operator has not thought about keys yet: a file beside its data.

For development and tests only. In production the key belongs where the database's backups do not go, and that is for the
operator to say.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from netra.errors import NetraError
from netra.vault.sealing import SealingKeys, UnreadableKey, generate_key

FILE: Final = "secret.key"
"""Its name in the data folder. It holds `id=base64`, as in the setting, so that it can become one."""


class KeyFileUnusable(NetraError):
    """The file with the key that seals secrets cannot be used."""

    code = "key_file_unusable"


def own_keys(data_dir: Path) -> SealingKeys:
    """The key in the data folder, made when there is none. Raises `KeyFileUnusable`. Blocking.

    Readable to its owner alone, whole or not at all, and one, however many processes start.
    """
    path = data_dir / FILE
    try:
        if not path.exists():
            _make(path)
        key_id, _, key = path.read_text("ascii").strip().partition("=")
        return SealingKeys.read({key_id: key})
    except OSError as error:
        raise KeyFileUnusable(f"{path} cannot be read or written: {error.strerror}.") from error
    except (UnreadableKey, UnicodeDecodeError):
        raise KeyFileUnusable(f"{path} holds no key. Put it back from a backup: without it, no secret can be opened.") from None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("=".join(generate_key()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link does not replace what another process has made meanwhile, and may have used.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
