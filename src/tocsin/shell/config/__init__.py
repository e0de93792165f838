"""The configuration of this process: read from files and environment variables, and turned into notifiers and an interpreter.

    load.load(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Configuration | tuple[Problem, ...]
    load.configuration() -> Configuration                               cached per process; logs problems once, raises nothing
    defaults.default_handlers(config: Configuration) -> tuple[Messenger, ...]
    defaults.no_recipients_message(config: Configuration) -> str        the warning if there is no handler
    defaults.live(config: Configuration) -> Live                        raises nothing

- ``core.config.merging.layer_from({"only": ["Failed"]}, "option --only") -> Layer | Problem`` turns a command's options into a layer.
- ``Configuration.environment`` is the name of the environment in messages.
- Import these modules inside functions: ``import tocsin`` must load none of them.
"""
