-- describe_service --
-- Mean and spread of the latency, and the mean size of a request.
SELECT
    count(taken), avg(taken), stddev_pop(taken), count(*), sum(input_tokens), sum(output_tokens)
FROM (SELECT *, CASE WHEN latency_ms <= $longest THEN latency_ms END AS taken FROM usage)
