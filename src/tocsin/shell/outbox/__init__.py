"""Messages kept in a database until they are sent: what SQL there is, and who drains it."""
