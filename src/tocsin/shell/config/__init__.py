"""Configuration, as this process finds it: files and variables, and what they mean for who is told and how.

    load.load(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Configuration | tuple[Fault, ...]
    load.configuration() -> Configuration                               cached once a process; complains once, raises nothing
    defaults.default_handlers(config: Configuration) -> tuple[Notifier, ...]
    defaults.nobody(config: Configuration) -> str                       the complaint where there is no handler
    defaults.live(config: Configuration) -> Live                        raises nothing

Options of a command become a layer by ``core.config.layers.given({"only": ["Failed"]}, "option --only") -> Layer | Fault``. What
messages call the environment is ``Configuration.environment``. Import these in functions: ``import tocsin`` is to load none of them.
"""
