-- What may be used, by whom, and how often; other proofs of identity; what users keep beside their threads.

-- Plans -------------------------------------------------------------------------------------------------------------------

CREATE TABLE plan (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,31}$'),
    hidden boolean NOT NULL DEFAULT false   -- not offered to anybody; an operator gives it
);

-- A plan is changed by adding a version; the highest is in force. A run keeps the version that it was accepted under.
CREATE TABLE plan_version (
    plan text NOT NULL REFERENCES plan,
    version integer NOT NULL CHECK (version > 0),
    price_usd numeric(10, 2),               -- a month; null: not for sale
    permissions text[] NOT NULL,
    allowances jsonb NOT NULL,              -- tool to calls a day (UTC); `*` is every tool not named; without an entry: no limit
    rate_multiplier numeric(8, 2) NOT NULL CHECK (rate_multiplier > 0),
    threads integer CHECK (threads >= 0),   -- conversations that a user may keep; null: no limit
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (plan, version)
);

INSERT INTO plan (name, hidden) VALUES ('free', false), ('pro', false), ('enterprise', false), ('developer', true);
INSERT INTO plan_version (plan, version, price_usd, permissions, allowances, rate_multiplier, threads) VALUES
    ('free', 1, 0, '{basic}', '{"create_thread": 10, "get_thread_history": 100, "list_agents": 100}', 1, 5),
    ('pro', 1, 29, '{basic,analytics,data_management}',
     '{"*": 1000, "generate_synthetic_data": 10000, "analyze_workload": 500}', 2, 50),
    ('enterprise', 1, 299, '{basic,analytics,data_management,advanced_optimization,system_management}', '{}', 10, NULL),
    ('developer', 1, NULL,
     '{basic,analytics,data_management,advanced_optimization,system_management,developer_tools}', '{}', 100, NULL);

ALTER TABLE account DROP CONSTRAINT account_plan_check;
ALTER TABLE account ADD CONSTRAINT account_plan_fkey FOREIGN KEY (plan) REFERENCES plan (name);
CREATE INDEX account_by_plan ON account (plan, id);
CREATE INDEX account_by_plan_end ON account (plan_expires_at) WHERE plan_expires_at IS NOT NULL;
ALTER TABLE run ADD COLUMN plan_version integer NOT NULL DEFAULT 1;
ALTER TABLE run ALTER COLUMN plan_version DROP DEFAULT;

-- Which role was turned into a plan; kept here and not in the audit, whose lines are removed one day.
ALTER TABLE account ADD COLUMN migrated_role text;
-- An owner who is no superuser sees no row of a table whose policies are forced on them, too.
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit NO FORCE ROW LEVEL SECURITY;
UPDATE account SET migrated_role = done.role FROM (
    SELECT DISTINCT ON (user_id) user_id, detail ->> 'role' AS role FROM audit
    WHERE action = 'legacy_migrated' ORDER BY user_id, at DESC
) AS done WHERE done.user_id = account.id;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;

-- The use of tools --------------------------------------------------------------------------------------------------------

-- How often something was used in one window. Counted in the transaction of the use; the row's lock makes the count exact.
CREATE TABLE tool_usage (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    counter text NOT NULL,                  -- `tool/NAME/day`, `permission/NAME/hour`, `permission/NAME/day`
    starts_at timestamptz NOT NULL,         -- the window's first moment, a full hour or day of UTC
    used integer NOT NULL,
    allowed integer,                        -- what was allowed at the last use; null: counted without a limit
    PRIMARY KEY (user_id, counter, starts_at)
);
CREATE INDEX tool_usage_by_age ON tool_usage (starts_at);

-- Every call that was admitted. A run that is executed again finds its call here and is not counted twice.
CREATE TABLE tool_call (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    tool text NOT NULL,
    via text NOT NULL CHECK (via IN ('http', 'agent', 'mcp')),
    run_id uuid,
    at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    status text CHECK (status IN ('success', 'error')),  -- null: it goes on, or died with its process
    PRIMARY KEY (user_id, id)
);
CREATE INDEX tool_call_by_age ON tool_call (at);

-- Other proofs of identity ------------------------------------------------------------------------------------------------

ALTER TABLE account ALTER COLUMN password_hash DROP NOT NULL;  -- somebody who signs in elsewhere, or a program
ALTER TABLE account ADD COLUMN kind text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service'));
ALTER TABLE account ADD COLUMN email_verified_at timestamptz;  -- when its owner proved to receive mail there

-- Somebody's account with an OpenID provider. Never found by e-mail: an address changes hands, a subject does not.
CREATE TABLE external_identity (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    issuer text NOT NULL,
    subject text NOT NULL,
    provider text NOT NULL,                 -- the operator's name for the issuer, when it was linked
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, issuer, subject),
    UNIQUE (issuer, subject)
);

-- A sign-in that was sent to a provider and has not come back; deleted by its return.
CREATE TABLE sign_in_attempt (
    state_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,            -- of the cookie that ties it to the browser which began it
    provider text NOT NULL,
    nonce text NOT NULL,
    code_verifier text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE password_reset (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, id);

-- What users keep ---------------------------------------------------------------------------------------------------------

-- A secret of a user, sealed with one of the operator's keys and bound to its owner and its name.
CREATE TABLE secret (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,                  -- nonce, then AES-256-GCM
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, name)
);
CREATE INDEX secret_by_key ON secret (key_id);

CREATE TABLE corpus (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    language regconfig NOT NULL DEFAULT 'english',  -- how words are reduced to what is searched for
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, name)
);

-- No index over the words: below row-level security PostgreSQL looks for the owner first, and finds theirs by the key.
CREATE TABLE document (
    user_id uuid NOT NULL,
    corpus_id uuid NOT NULL,
    id text NOT NULL,                       -- its owner's name for it
    title text NOT NULL DEFAULT '',
    body text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    language regconfig NOT NULL,
    words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector(language, title), 'A') || setweight(to_tsvector(language, body), 'B')
    ) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, corpus_id, id),
    FOREIGN KEY (user_id, corpus_id) REFERENCES corpus ON DELETE CASCADE
);

-- A file that a tool made: too large for an answer, wanted by its owner.
CREATE TABLE artifact (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    tool text NOT NULL,
    body bytea NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);
CREATE INDEX artifact_by_id ON artifact (id);  -- as for threads: only for counting requests for what is somebody else's

-- Row-level security ------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['plan', 'plan_version', 'tool_usage', 'tool_call', 'external_identity', 'sign_in_attempt',
                                 'password_reset', 'secret', 'corpus', 'document', 'artifact']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format('CREATE POLICY system ON %I TO netra_system USING (true) WITH CHECK (true)', owned);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO netra_system', owned);
    END LOOP;
    FOREACH owned IN ARRAY ARRAY['tool_usage', 'tool_call', 'external_identity', 'secret', 'corpus', 'document', 'artifact']
    LOOP
        EXECUTE format(
            'CREATE POLICY own ON %I TO netra_app '
            'USING (user_id = nullif(current_setting(''netra.user_id'', true), '''')::uuid) '
            'WITH CHECK (user_id = nullif(current_setting(''netra.user_id'', true), '''')::uuid)',
            owned);
    END LOOP;
    -- What everybody may know.
    FOREACH owned IN ARRAY ARRAY['plan', 'plan_version']
    LOOP
        EXECUTE format('CREATE POLICY everybody ON %I FOR SELECT TO netra_app USING (true)', owned);
    END LOOP;
END
$$;

GRANT SELECT (kind, email_verified_at, migrated_role) ON account TO netra_app;
GRANT SELECT ON plan, plan_version TO netra_app;
-- A count goes up and nobody's own transaction takes it away.
GRANT SELECT, INSERT, UPDATE ON tool_usage, tool_call TO netra_app;
GRANT SELECT, DELETE ON external_identity TO netra_app;
-- A key is made and ended together with its line in the audit, so by the system; no transaction of a user can mint one.
REVOKE INSERT, UPDATE, DELETE ON api_key FROM netra_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON secret, corpus, document, artifact TO netra_app;
