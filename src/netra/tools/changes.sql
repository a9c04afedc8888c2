-- hold --
-- An account and what it has been given, held until the transaction ends.
SELECT id, email, role, migrated_role, plan, plan_expires_at, feature_flags
FROM account WHERE id = %(user_id)s FOR NO KEY UPDATE

-- grant --
-- Give an account a plan, its end, and its flags.
UPDATE account SET plan = %(plan)s, plan_expires_at = %(ends)s, feature_flags = %(flags)s WHERE id = %(user_id)s

-- find_expired --
-- Accounts whose plan has run out.
SELECT id FROM account WHERE plan_expires_at <= now() ORDER BY plan_expires_at LIMIT %(limit)s

-- holders --
-- Accounts that have a plan, in the order of their ids.
SELECT id FROM account WHERE plan = %(plan)s AND id > %(after)s ORDER BY id LIMIT %(limit)s

-- hold_all --
-- Accounts that still have a plan, held until the transaction ends, in the one order in which many are held.
SELECT id, email, role, migrated_role, plan, plan_expires_at, feature_flags
FROM account WHERE id = ANY (%(user_ids)s) AND plan = %(plan)s ORDER BY id FOR NO KEY UPDATE
