-- note --
-- Add one line to the audit: what was done, to whose account, by whom.
INSERT INTO audit (id, actor_id, user_id, action, detail)
VALUES (%(id)s, %(actor_id)s, %(user_id)s, %(action)s, %(detail)s)
