-- count_runs --
-- Runs that were accepted lately, by agent and state.
SELECT agent, state, count(*) FROM run WHERE created_at > now() - make_interval(hours => %(hours)s) GROUP BY 1, 2 ORDER BY 1, 2

-- count_failures --
-- What runs failed of lately.
SELECT coalesce(error ->> 'code', 'unknown'), count(*) FROM run
WHERE state = 'failed' AND finished_at > now() - make_interval(hours => %(hours)s) GROUP BY 1 ORDER BY 1

-- count_calls --
-- Calls of tools that were admitted lately, by how they ended.
SELECT tool, coalesce(status, 'unfinished'), count(*) FROM tool_call
WHERE at > now() - make_interval(hours => %(hours)s) GROUP BY 1, 2 ORDER BY 1, 2

-- count_sign_ins --
-- Sessions that began lately.
SELECT count(*) FROM session WHERE created_at > now() - make_interval(hours => %(hours)s)

-- count_audit --
-- What the audit says was done or refused lately.
SELECT action, count(*) FROM audit WHERE at > now() - make_interval(hours => %(hours)s) GROUP BY 1 ORDER BY 1

-- read_time --
-- From when to when is lately.
SELECT now() - make_interval(hours => %(hours)s), now()
