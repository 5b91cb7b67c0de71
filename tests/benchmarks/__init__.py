"""The benchmarks' harness: what it reports and that it leaves nothing behind, never how fast anything is."""
