-- The whole foundation in one file, so that a newcomer can read what Netra keeps.
--
-- Three roles, none of them the owner, none able to bypass row-level security:
--   netra_app     what the server signs in as; sees the rows of one user at a time, or none at all
--   netra_system  the queue, retention, counts and sign-in look-ups; sees every user's rows, used by few named functions
--   netra_writer  the group writer of the log; moves heads and adds events for many users at once, and can read no event
-- netra_app is a member of the other two but inherits nothing (NOINHERIT): a connection has to be opened as that role.

-- Accounts and proofs of identity -----------------------------------------------------------------------------------------

CREATE TABLE account (
    id uuid PRIMARY KEY,
    email text NOT NULL,                -- lower case, as it was normalised on the way in
    name text NOT NULL DEFAULT '',
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'developer', 'admin', 'super_admin')),
    plan text NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'enterprise', 'developer')),
    plan_expires_at timestamptz,
    feature_flags text[] NOT NULL DEFAULT '{}',
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_email_unique UNIQUE (email)
);

-- A sign-in and everything that was refreshed from it. Revoking it revokes the whole family of refresh tokens.
CREATE TABLE session (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX session_by_id ON session (id);

-- Tokens are kept as SHA-256 only. A row outlives its use, because a second use is how theft shows.
CREATE TABLE refresh_token (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    session_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_by_session ON refresh_token (session_id);

-- Single-use WebSocket tickets: deleted by the use itself.
CREATE TABLE ticket (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    session_id uuid,
    expires_at timestamptz NOT NULL
);

CREATE TABLE api_key (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,               -- the first characters, so that a person can tell keys apart
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (user_id, id)
);

CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    private_key text NOT NULL,          -- PEM, PKCS 8
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz              -- verifies until the last token signed by it has expired, signs no more
);

-- Failed sign-ins and other anonymous limits, counted here because every process must see the same count.
CREATE TABLE throttle (
    key text PRIMARY KEY,
    failures integer NOT NULL,
    window_ends_at timestamptz NOT NULL
);

CREATE TABLE audit (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,                      -- who did it; null is the operator's command line
    user_id uuid,                       -- whose account it touched
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_user ON audit (user_id, at);

-- Threads, events, runs ---------------------------------------------------------------------------------------------------

CREATE TABLE thread (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'conversation' CHECK (kind IN ('conversation', 'account')),
    title text NOT NULL DEFAULT '',
    epoch integer NOT NULL DEFAULT 1,   -- changes only when history is deliberately cut
    tail bigint NOT NULL DEFAULT 0,     -- the last position that was cut away; events begin at tail + 1
    head bigint NOT NULL DEFAULT 0,     -- the last position given out
    fence bigint NOT NULL DEFAULT 0,    -- counts claims; only the newest claim may write
    append_id uuid,                     -- the group writer's last append here, so that one of unknown outcome is known again
    append_fence bigint,                -- the claim that it was made under
    append_base bigint,                 -- the head before it
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    CHECK (tail <= head)
);
CREATE INDEX thread_by_update ON thread (user_id, updated_at DESC, id DESC) WHERE kind = 'conversation';

-- No foreign key to thread: its check would lock the thread's row again for every event of a batch.
CREATE TABLE event (
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    seq bigint NOT NULL,
    run_id uuid,
    type text NOT NULL,
    at timestamptz NOT NULL,
    agent text,
    body bytea NOT NULL,                -- the event's `data`, JSON
    PRIMARY KEY (user_id, thread_id, seq)
);
-- A run replays its own events when it restarts; the others are passed over without reading them.
CREATE INDEX event_by_run ON event (user_id, run_id, seq) WHERE run_id IS NOT NULL;
CREATE INDEX event_by_age ON event (at);

-- What a foreign key would do when a thread is deleted, alone or with its account. Its lock is taken by then, so that no
-- event can come after this.
CREATE FUNCTION delete_events_of_threads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.event e USING gone WHERE e.user_id = gone.user_id AND e.thread_id = gone.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER thread_deletes_its_events AFTER DELETE ON thread
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_events_of_threads();

CREATE TABLE run (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    thread_id uuid NOT NULL,
    agent text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
    input jsonb NOT NULL,
    plan text NOT NULL,                 -- a run keeps the plan it started with
    idempotency_key text,
    request_digest bytea,               -- what the key was first used for; the same key with another request is an error
    attempt integer NOT NULL DEFAULT 0, -- claims so far, without those that ended in good order (waiting, handed back)
    fence bigint,                       -- the thread's fence at the last claim
    turn boolean NOT NULL DEFAULT false,-- whether it is this run's turn in its thread: no live run is before it
    lane integer,                       -- which of its user's slots it holds; a job for it is (or should be) in the queue
    dispatches integer NOT NULL DEFAULT 0,  -- how often it got a lane; a job of an earlier time is void
    cancel_by text,                     -- who asked to cancel: user, interrupt, operator, timeout
    waits_for text,                     -- request_id of the open question
    answers jsonb NOT NULL DEFAULT '{}',-- request_id to value
    result jsonb,
    error jsonb,                        -- code and message, as in agent_failed
    usage jsonb,
    accepted_seq bigint NOT NULL,       -- seq of run_queued
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, thread_id) REFERENCES thread ON DELETE CASCADE,
    CHECK (lane IS NULL OR turn),
    CHECK (NOT turn OR state IN ('queued', 'running', 'waiting'))
);
CREATE UNIQUE INDEX run_by_key ON run (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX run_by_thread ON run (user_id, thread_id, created_at);
CREATE INDEX run_live ON run (user_id, thread_id, accepted_seq) WHERE state IN ('queued', 'running', 'waiting');
-- The runs that could start at once if their user had a free slot, oldest first, however many others wait behind them.
CREATE INDEX run_ready ON run (user_id, created_at, id) WHERE turn AND lane IS NULL AND state = 'queued';
-- One run of a thread at a time, one run a slot: held here, whatever the code above believes.
CREATE UNIQUE INDEX run_turn ON run (user_id, thread_id) WHERE turn;
CREATE UNIQUE INDEX run_lane ON run (user_id, lane) WHERE lane IS NOT NULL;

-- Data and reports --------------------------------------------------------------------------------------------------------

CREATE TABLE dataset (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    format text NOT NULL CHECK (format IN ('csv', 'jsonl')),
    mapping jsonb NOT NULL,             -- canonical column to source column
    rows bigint NOT NULL,
    rejected bigint NOT NULL DEFAULT 0,
    problems jsonb NOT NULL DEFAULT '[]',   -- the first rejected lines, each with its reason
    notes jsonb NOT NULL DEFAULT '[]',      -- what the import assumed, in sentences
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);

CREATE TABLE report (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    title text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);
CREATE INDEX report_by_run ON report (user_id, run_id);

-- Only for the system role, which counts requests for what is somebody else's: everybody else looks among a user's own.
CREATE INDEX thread_by_id ON thread (id);
CREATE INDEX run_by_id ON run (id);
CREATE INDEX dataset_by_id ON dataset (id);
CREATE INDEX report_by_id ON report (id);

-- Row-level security ------------------------------------------------------------------------------------------------------

DO $$
DECLARE
    owned text;
    owner_column text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['account', 'session', 'refresh_token', 'ticket', 'api_key', 'thread', 'event', 'run',
                                 'dataset', 'report', 'audit', 'signing_key', 'throttle']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', owned);
        EXECUTE format('CREATE POLICY system ON %I TO netra_system USING (true) WITH CHECK (true)', owned);
    END LOOP;
    -- The tables that a signed-in user's own transactions may touch. Without a user set, the comparison is with null: no rows.
    FOREACH owned IN ARRAY ARRAY['account', 'session', 'api_key', 'thread', 'event', 'run', 'dataset', 'report']
    LOOP
        owner_column := CASE owned WHEN 'account' THEN 'id' ELSE 'user_id' END;
        EXECUTE format(
            'CREATE POLICY own ON %I TO netra_app '
            'USING (%2$I = nullif(current_setting(''netra.user_id'', true), '''')::uuid) '
            'WITH CHECK (%2$I = nullif(current_setting(''netra.user_id'', true), '''')::uuid)',
            owned, owner_column);
    END LOOP;
END
$$;

-- The writer sees the columns it needs to move a head, adds events, and cannot read one back.
CREATE POLICY writer ON thread TO netra_writer USING (true) WITH CHECK (true);
CREATE POLICY writer ON event FOR INSERT TO netra_writer WITH CHECK (true);
GRANT SELECT (user_id, id, fence, head, epoch, append_id, append_fence, append_base) ON thread TO netra_writer;
GRANT UPDATE (head, append_id, append_fence, append_base, updated_at) ON thread TO netra_writer;
GRANT INSERT ON event TO netra_writer;

GRANT SELECT (id, email, name, role, plan, plan_expires_at, feature_flags, disabled_at, created_at) ON account TO netra_app;
GRANT UPDATE (name) ON account TO netra_app;
GRANT SELECT ON session TO netra_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_key, thread, run, dataset, report TO netra_app;
GRANT SELECT, INSERT, DELETE ON event TO netra_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO netra_system;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO netra_system;

-- A user's own transaction may add a job (with run_queued, or not at all), and may read of the queue nothing but the new id.
GRANT INSERT, SELECT (id) ON procrastinate_jobs TO netra_app;
GRANT INSERT ON procrastinate_events TO netra_app;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO netra_app;
