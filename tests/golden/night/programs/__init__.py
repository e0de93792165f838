"""Small programs that really fail. Each is as a user would write it, but for its handlers, which the test gives to ``main``."""
