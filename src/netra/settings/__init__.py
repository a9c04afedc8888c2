"""What an operator may decide: read once at start, frozen, and stopped at `gateway.app` and `cli`."""

from netra.settings.load import InvalidSetting, UnknownSetting, load
from netra.settings.model import Settings

__all__ = ["InvalidSetting", "Settings", "UnknownSetting", "load"]
