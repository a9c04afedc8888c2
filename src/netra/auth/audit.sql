-- note --
-- Add one line about what nobody did who has proved who they are.
INSERT INTO audit (id, action, user_id, detail) VALUES (%(id)s, %(action)s, %(user_id)s, %(detail)s)
