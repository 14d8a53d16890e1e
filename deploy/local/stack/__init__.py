"""The local set: NATS, PostgreSQL, the outbox and Vigie, fetched, started, watched and stopped. Standard library only."""
