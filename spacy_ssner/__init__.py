"""Named-entity recognition for cyber-threat intelligence inside spaCy."""
