-- current_plans --
-- The version in force of every plan.
SELECT v.*, p.hidden
FROM plan p CROSS JOIN LATERAL (SELECT * FROM plan_version WHERE plan = p.name ORDER BY version DESC LIMIT 1) AS v
ORDER BY v.price_usd NULLS LAST, v.plan

-- read_plan --
-- One version of one plan.
SELECT v.*, p.hidden FROM plan_version v JOIN plan p ON p.name = v.plan WHERE v.plan = %(name)s AND v.version = %(version)s

-- plan_versions --
-- How a plan has changed, the newest version first.
SELECT v.*, p.hidden FROM plan_version v JOIN plan p ON p.name = v.plan WHERE v.plan = %(name)s ORDER BY v.version DESC

-- name_plan --
-- A plan by name, made if there was none. Its row puts simultaneous changes into one line.
INSERT INTO plan (name, hidden) VALUES (%(name)s, %(hidden)s) ON CONFLICT (name) DO UPDATE SET hidden = excluded.hidden

-- add_version --
-- The next version of a plan.
INSERT INTO plan_version (plan, version, price_usd, permissions, allowances, rate_multiplier, threads)
SELECT %(name)s, 1 + coalesce((SELECT max(version) FROM plan_version WHERE plan = %(name)s), 0),
       %(price_usd)s, %(permissions)s, %(allowances)s, %(rate_multiplier)s, %(threads)s
RETURNING version, created_at

-- count_holders --
-- How many accounts have each plan, those included whose plan has run out a moment ago.
SELECT plan, count(*) FROM account GROUP BY plan
