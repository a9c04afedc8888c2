-- describe_service --
-- Mean and spread of the latency, and the mean size of a request.
SELECT
    count(latency_ms), avg(latency_ms), stddev_pop(latency_ms), count(*), sum(input_tokens), sum(output_tokens)
FROM usage
