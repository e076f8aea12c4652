"""The nouns: graphs, traces, observations, sites. Frozen, without torch."""
