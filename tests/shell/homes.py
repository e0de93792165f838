"""A user's folders."""

from pathlib import Path

import attrs


@attrs.frozen
class Home:
    """The separate folders of a user and a project."""

    project: Path
    own: Path

    def file(self, text: str) -> Path:
        """Write the project's file."""
        path = self.project / "tocsin.toml"
        path.write_text(text)
        return path

    def own_file(self, text: str) -> Path:
        """Write the user's file."""
        self.own.mkdir(parents=True, exist_ok=True)
        path = self.own / "tocsin.toml"
        path.write_text(text)
        return path
