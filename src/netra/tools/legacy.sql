-- lock_account --
-- The account, held until the transaction ends, and whether its present role was migrated before.
SELECT role, plan, feature_flags,
       EXISTS (SELECT FROM audit WHERE audit.user_id = account.id AND action = 'legacy_migrated' AND detail ->> 'role' = role)
       AS migrated
FROM account WHERE id = %(user_id)s
FOR NO KEY UPDATE

-- change_plan --
-- The plan and flags that go with the role, without an end.
UPDATE account SET plan = %(plan)s, feature_flags = %(flags)s, plan_expires_at = NULL WHERE id = %(user_id)s

-- add_audit --
-- Who did it is whose account it is.
INSERT INTO audit (id, actor_id, user_id, action, detail)
VALUES (%(id)s, %(user_id)s, %(user_id)s, 'legacy_migrated', %(detail)s)
