-- find_ids --
-- Which of these ids exist, whosever they are. Asked only about ids that were not found among the asker's own.
SELECT id FROM thread WHERE id = ANY (%(ids)s::uuid[])
UNION SELECT id FROM run WHERE id = ANY (%(ids)s::uuid[])
UNION SELECT id FROM dataset WHERE id = ANY (%(ids)s::uuid[])
UNION SELECT id FROM report WHERE id = ANY (%(ids)s::uuid[])
UNION SELECT id FROM artifact WHERE id = ANY (%(ids)s::uuid[])
