-- One request to a language model. It is noted before it is sent, because the provider counts it from then on.
CREATE TABLE model_call (
    user_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    agent text NOT NULL,
    purpose text NOT NULL,
    model text NOT NULL,                    -- `provider:name`
    own_key boolean NOT NULL,               -- whether the user's own key paid, and not the operator's
    at timestamptz NOT NULL DEFAULT now(),
    status text,                            -- null: it goes on, or was cancelled or died with its process
    latency_ms double precision,
    input_tokens bigint,                    -- null: nobody said
    output_tokens bigint,
    cached_tokens bigint,                   -- of the input tokens
    cost_usd numeric(20, 10),               -- null: the price list does not say
    PRIMARY KEY (user_id, id),
    CHECK (status IN ('ok', 'timed_out', 'rate_limited', 'unreachable', 'unavailable', 'cut_off', 'invalid', 'declined', 'rejected'))
);
CREATE INDEX model_call_by_run ON model_call (user_id, run_id);
CREATE INDEX model_call_by_age ON model_call (at);

ALTER TABLE model_call ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_call FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON model_call TO netra_system USING (true) WITH CHECK (true);
CREATE POLICY own ON model_call TO netra_app
    USING (user_id = nullif(current_setting('netra.user_id', true), '')::uuid)
    WITH CHECK (user_id = nullif(current_setting('netra.user_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON model_call TO netra_system;
-- What was used stays used: no transaction of a user takes a line away.
GRANT SELECT, INSERT, UPDATE ON model_call TO netra_app;
