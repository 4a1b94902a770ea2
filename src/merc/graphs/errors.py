"""What can go wrong with graphs; no torch is needed to know it."""

from merc.errors import MercError


class NotExportableError(MercError):
    """A module has no graph: torch can't export it, or only for one length of its inputs."""
