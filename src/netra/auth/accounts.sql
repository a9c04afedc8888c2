-- read --
-- An account, by its address.
SELECT id AS user_id, email, name, role, plan, disabled_at, created_at, email_verified_at,
       plan_expires_at, feature_flags
FROM account WHERE email = %(email)s

-- hold --
-- The same, held until the transaction ends: simultaneous changes of one account are one line.
SELECT id AS user_id, email, name, role, plan, disabled_at, created_at, email_verified_at,
       plan_expires_at, feature_flags
FROM account WHERE email = %(email)s FOR NO KEY UPDATE

-- page --
-- Accounts in the order of their addresses, those behind one.
SELECT id AS user_id, email, name, role, plan, disabled_at, created_at, email_verified_at,
       plan_expires_at, feature_flags
FROM account WHERE email > %(after)s ORDER BY email LIMIT %(limit)s

-- set_role --
-- What somebody may administer from now on.
UPDATE account SET role = %(role)s WHERE id = %(user_id)s

-- disable --
-- Shut somebody out, from this moment on.
UPDATE account SET disabled_at = now() WHERE id = %(user_id)s RETURNING disabled_at

-- enable --
-- Let somebody in again.
UPDATE account SET disabled_at = NULL WHERE id = %(user_id)s

-- verify --
-- Somebody has proved, at this moment, to receive mail at their address.
UPDATE account SET email_verified_at = now() WHERE id = %(user_id)s RETURNING email_verified_at
