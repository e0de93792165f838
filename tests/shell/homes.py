"""A user's folders."""

from pathlib import Path

import attrs


@attrs.frozen
class Home:
    """The folders of a user and a project, which are apart."""

    project: Path
    own: Path

    def file(self, text: str) -> Path:
        """The project's file."""
        path = self.project / "tocsin.toml"
        path.write_text(text)
        return path

    def own_file(self, text: str) -> Path:
        """The user's file."""
        self.own.mkdir(parents=True, exist_ok=True)
        path = self.own / "tocsin.toml"
        path.write_text(text)
        return path
