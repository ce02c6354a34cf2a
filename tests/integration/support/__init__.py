"""What the integration tests stand on: processes, peers, samples, a look into the index."""
