"""The version of tocsin, of which the build makes the package's. The package's metadata has it too, and takes long to read."""

VERSION: str = "0.1.0"
