# What tocsin uses of Prefect, and no more. An environment of the tests checks it against the real one.
