"""The imperative shell: all that touches the world, with as few decisions as can be; those are the core's."""
