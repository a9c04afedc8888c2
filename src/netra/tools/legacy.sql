-- mark --
-- Remember which role became a plan: that is done once.
UPDATE account SET migrated_role = %(role)s WHERE id = %(user_id)s

-- latest --
-- What was last done to an account in this matter.
SELECT action, detail FROM audit WHERE user_id = %(user_id)s AND action IN (%(migrated)s, %(undone)s) ORDER BY at DESC, id DESC LIMIT 1
