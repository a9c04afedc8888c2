-- mark --
-- Remember which role became a plan: that is done once.
UPDATE account SET migrated_role = %(role)s WHERE id = %(user_id)s

-- latest --
-- What was last done to an account in this matter.
SELECT action, detail FROM audit WHERE user_id = %(user_id)s AND action IN (%(migrated)s, %(undone)s) ORDER BY at DESC, id DESC LIMIT 1

-- count_candidates --
-- How many accounts have a role that goes with a plan, migrated or not.
SELECT count(*) FROM account WHERE role = ANY (%(roles)s)

-- candidates --
-- Such accounts in the order of their ids, as they are now.
SELECT id, email, role, migrated_role, plan, plan_expires_at, feature_flags
FROM account WHERE role = ANY (%(roles)s) AND id > %(after)s ORDER BY id LIMIT %(limit)s
