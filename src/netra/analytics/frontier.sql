-- latency_of_models --
-- The middle latency of the rows whose model goes by one of these names, and how many of them have one.
SELECT count(*), quantile_cont(latency_ms, 0.5)
FROM usage WHERE list_contains($names::VARCHAR[], model) AND latency_ms <= $longest
