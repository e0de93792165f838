"""The outbox: messages kept in a SQLite or PostgreSQL database until a worker sends them."""
