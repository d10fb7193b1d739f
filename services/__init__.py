"""The services: each owns its data, and they meet on Kafka only."""
